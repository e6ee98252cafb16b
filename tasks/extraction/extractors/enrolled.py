"""An enrolment's recording as a network reads it: at one level, nothing behind its end."""

import torch
from torch import Tensor

from joint.outputs import SpeakerEncoding
from tasks.extraction.extractors.spectrum import level_of


def enrolled_recording(
    encoding: SpeakerEncoding, reader: str = "extractor"
) -> tuple[Tensor, Tensor]:
    """The waveforms `(B, S)` of `encoding` at level 1, zero behind their ends, and their `lengths
    (B,)` in Samples. Raises ConfigError, naming the `reader`, for a kept embedding."""
    waveform, lengths = encoding.need_recording(reader)
    waveform = waveform * first(lengths, waveform.shape[1])
    return waveform / level_of(waveform, lengths), lengths


def first(counts: Tensor, length: int) -> Tensor:
    """`(B, length)`, True for the first `counts (B,)` places of each row."""
    return torch.arange(length, device=counts.device) < counts[:, None]
