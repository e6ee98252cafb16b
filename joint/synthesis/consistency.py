"""Whether synthetic speech is in the enrolled voice, as the shared encoder judges it."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from joint.outputs import SpeakerEncoding
from joint.synthesis.mel import HOP
from joint.synthesis.vocoders.base import Vocoder
from joint.task import Encode
from joint.units import SAMPLE_RATE, Seconds

SYNTHETIC = "synthetic"
"""Role of synthetic speech."""


class SpeakerConsistency(nn.Module):
    """One minus the cosine of the embeddings of synthetic speech and of the enrolment (the speaker
    consistency loss of Casanova et al., YourTTS, ICML 2022, equation 1).

    The spectrogram becomes a waveform by the `vocoder`, which is not trained by it, and the shared
    encoder under the task's switch reads that.

    Args:
        rows: Of the batch that are encoded, and `seconds` of each: encoder and vocoder cost time.
    """

    def __init__(self, vocoder: Vocoder, rows: int = 4, seconds: Seconds = 2.0) -> None:
        super().__init__()
        self.vocoder, self.rows = vocoder, rows
        self.frames = round(seconds * SAMPLE_RATE / HOP)

    def forward(self, encode: Encode, log_mel: Tensor, encoding: SpeakerEncoding) -> Tensor:
        """Mean over the rows; `log_mel (B, MELS, F)`, an `encoding` of one row each."""
        some = log_mel[: self.rows]
        start = int(torch.randint(max(some.shape[2] - self.frames, 0) + 1, ()))
        constants = {n: p.detach() for n, p in self.vocoder.named_parameters()}
        waveform = functional_call(
            self.vocoder, constants, (some[..., start : start + self.frames],)
        )
        lengths = torch.full((len(waveform),), waveform.shape[1], device=waveform.device)
        heard = encode(waveform, lengths, SYNTHETIC).embedding
        enrolled = encoding.embedding[: self.rows].detach()
        return 1.0 - F.cosine_similarity(heard.float(), enrolled.float(), dim=-1).mean()
