"""Extractor and recogniser in one: the recogniser's loss trains both."""

from collections.abc import Callable
from typing import Protocol

from torch import Tensor, nn

from joint.outputs import SpeakerEncoding
from joint.task import Encode
from joint.text.units import Units
from tasks.recognition.core import RecognizerCore, Transcript
from tasks.recognition.objectives.attention import AttentionDecoder
from tasks.recognition.topologies import EnrolledRecognition


class Extracted(Protocol):
    """The voices `waveform (B·K, S)` of K enrolments of each mixture in turn."""

    waveform: Tensor


class ExtractedRecognition(EnrolledRecognition):
    """What each enrolled person says: `extractor`, called with `embedding_dim`, takes their voices
    out of the mixture, and the core hears each alone.

    A recipe's `init_parts` bring both from checkpoints. The extractor gets the padding of a batch
    as silence.
    """

    def __init__(
        self,
        embedding_dim: int,
        units: Units,
        core: Callable[..., RecognizerCore],
        extractor: Callable[..., nn.Module],
        decoder: Callable[..., AttentionDecoder] | None = None,
        attention: float = 0.5,
        alignment: float = 0.0,
    ) -> None:
        super().__init__(units, core, decoder, attention, alignment)
        self.extractor: Callable[[Tensor, SpeakerEncoding], Extracted]
        self.extractor = extractor(embedding_dim=embedding_dim)

    def transcripts(
        self,
        encode: Encode,
        waveform: Tensor,
        lengths: Tensor,
        enrolled: SpeakerEncoding | None = None,
    ) -> list[Transcript]:
        """See RecognitionTask."""
        assert enrolled is not None
        voices = self.extractor(waveform, enrolled).waveform
        own = lengths.repeat_interleave(len(voices) // len(waveform), dim=0)
        return [self.core.understand(self.core.hear(voices, own))]
