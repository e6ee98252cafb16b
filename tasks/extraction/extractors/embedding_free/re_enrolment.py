"""Extracting again, with what came out as more of the enrolment."""

from collections.abc import Callable
from dataclasses import replace

import torch
import torch.nn.functional as F
from einops import repeat
from torch import Tensor

from joint.errors import ConfigError
from joint.outputs import SpeakerEncoding
from tasks.extraction.extractor import Estimate, Extractor
from tasks.extraction.extractors.enrolled import first
from tasks.extraction.extractors.spectrum import level_of


class ReEnrolled(Extractor):
    """One `extractor`, run `rounds` times; from the second on, the enrolment is followed by the
    estimate of the round before: for references of a second and less.

    Estimates as later references are from SpEx++ (Ge et al., "Multi-stage Speaker Extraction with
    Utterance and Frame-Level Reference Signals", ICASSP 2021), without its embeddings of frames and
    its fusion of decoded signals. Of VE-VE (Yang et al., "Target Speaker Extraction with
    Ultra-Short Reference Speech by VE-VE Framework", ICASSP 2023) it has the task and that no
    embedding is needed; the network of that paper is not here.

    The inner extractor must read the enrolment's recording: the embedding stays that of the first
    round, since no extractor runs the encoder. Gradients go through the last round alone unless
    `through` is on.

    Raises ConfigError for less than two `rounds`.
    """

    def __init__(
        self,
        embedding_dim: int,
        extractor: Callable[..., Extractor],
        rounds: int = 2,
        through: bool = False,
    ) -> None:
        super().__init__()
        if rounds < 2:
            raise ConfigError("rounds", str(rounds), "at least 2")
        self.extractor = extractor(embedding_dim=embedding_dim)
        self.rounds, self.through = rounds, through

    def forward(self, mixture: Tensor, encoding: SpeakerEncoding) -> Estimate:
        """See Extractor."""
        waveform, lengths = encoding.need_recording("extractor")
        waveform = waveform * first(lengths, waveform.shape[1])
        mixture = repeat(mixture, "b s -> (b k) s", k=len(waveform) // len(mixture))
        given = encoding
        for _ in range(self.rounds - 1):
            with torch.set_grad_enabled(self.through and torch.is_grad_enabled()):
                found = self.extractor(mixture, given).waveform
            level = level_of(waveform, lengths) / level_of(found)
            longer, counts = followed_by(waveform, lengths, found * level)
            given = replace(encoding, waveform=longer, lengths=counts)
        last: Estimate = self.extractor(mixture, given)
        return last


def followed_by(waveform: Tensor, lengths: Tensor, more: Tensor) -> tuple[Tensor, Tensor]:
    """The first `lengths (B,)` Samples of each row of `waveform (B, S)`, which is zero behind them,
    then `more (B, R)` without a gap, and the new lengths."""
    width = waveform.shape[1] + more.shape[1]
    place = torch.arange(width, device=waveform.device) - lengths[:, None]
    inside = (place >= 0) & (place < more.shape[1])
    behind = more.gather(1, place.clamp(0, more.shape[1] - 1)) * inside
    return F.pad(waveform, (0, more.shape[1])) + behind, lengths + more.shape[1]
