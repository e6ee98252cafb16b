"""Whether synthetic speech is in the enrolled voice, as the shared encoder judges it."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.conditioning.basis import BasisVectors
from joint.outputs import SpeakerEncoding
from joint.synthesis.mel import FLOOR, HOP
from joint.synthesis.vocoders.base import Vocoder
from joint.task import Encode
from joint.units import SAMPLE_RATE, Seconds

SYNTHETIC = "synthetic"
"""Role of synthetic speech."""


def consistency_loss(
    encode: Encode,
    waveform: Tensor,
    lengths: Tensor,
    encoding: SpeakerEncoding,
    bases: BasisVectors | None = None,
) -> Tensor:
    """One minus the cosine of the embeddings of synthetic speech and of the enrolment, mean over
    the rows (the speaker consistency loss of Casanova et al., YourTTS, ICML 2022, equation 1; they
    have a recording of the same words in the enrolment's place); where a voice is made of `bases`,
    the divergence of their weights (see `BasisVectors.divergence`).

    `waveform (B, S)` of `lengths (B,)` is read by the shared encoder under the task's switch; the
    `encoding` of the enrolments has at least B rows and gets no gradient.
    """
    synthetic = encode(waveform, lengths, SYNTHETIC).embedding
    enrolled = encoding.embedding[: len(waveform)].detach()
    if bases is not None:
        return bases.divergence(synthetic, enrolled)
    return 1.0 - F.cosine_similarity(synthetic.float(), enrolled.float(), dim=-1).mean()


class SpeakerConsistency(nn.Module):
    """`consistency_loss` of spectrograms, which become waveforms by the `vocoder`; that is not
    trained.

    Args:
        rows: Of the batch that are encoded, and `seconds` of each, from a random frame on: encoder
            and vocoder cost time.
    """

    def __init__(self, vocoder: Vocoder, rows: int = 4, seconds: Seconds = 2.0) -> None:
        super().__init__()
        self.vocoder, self.rows = vocoder.requires_grad_(False), rows
        self.frames = round(seconds * SAMPLE_RATE / HOP)

    def forward(
        self,
        encode: Encode,
        log_mel: Tensor,
        mask: Tensor,
        encoding: SpeakerEncoding,
        bases: BasisVectors | None = None,
    ) -> Tensor:
        """Mean over the rows; `log_mel (B, MELS, F)`, `mask (B, F)`, an `encoding` of one row each,
        the basis vectors of the task, if it has some.

        A row that is shorter than `seconds` is encoded whole, without what lies behind its end.
        """
        cut, frames = self.windows(log_mel[: self.rows], mask[: self.rows].sum(dim=1))
        waveform = self.vocoder(cut)
        return consistency_loss(encode, waveform, HOP * (frames - 1), encoding, bases)

    def windows(self, log_mel: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Of each row of `log_mel (n, MELS, F)`, `frames (n,)` long, a window at a random place,
        silent behind the row's end: `(n, MELS, W)`; and the frames of each, `(n,)`."""
        width = min(self.frames, int(frames.max()))
        places = (frames - width).clamp(min=0) + 1
        start = (torch.rand(len(frames)).to(frames.device) * places).long()
        index = start[:, None] + torch.arange(width, device=frames.device)
        own = index < frames[:, None]
        index = index.clamp(max=log_mel.shape[2] - 1)
        cut = log_mel.gather(2, index[:, None].expand(-1, log_mel.shape[1], -1))
        return cut.where(own[:, None], math.log(FLOOR)), own.sum(dim=1)
