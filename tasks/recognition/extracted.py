"""Extractor and recogniser in sequence, trained by the recogniser's loss."""

from collections.abc import Callable
from typing import Protocol

from einops import repeat
from torch import Tensor, nn

from joint.conditioning.mixture import with_mixture
from joint.outputs import SpeakerEncoding
from joint.task import Encode
from joint.text.units import Units
from tasks.recognition.core import Posteriors, RecognizerCore
from tasks.recognition.objectives.attention import AttentionDecoder
from tasks.recognition.topologies import EnrolledRecognition


class Extracted(Protocol):
    """The extracted speech `waveform (B·K, S)`, for K enrolments of each mixture."""

    waveform: Tensor


class ExtractedRecognition(EnrolledRecognition):
    """An output for each enrolled speaker: `extractor`, called with `embedding_dim`, extracts their
    speech from the mixture, and the core transcribes each alone.

    A recipe's `init_parts` can initialise both from checkpoints. To the extractor the padding of a
    batch is silence.
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
        self.extractor = extractor(embedding_dim=embedding_dim)

    def posteriors(
        self,
        encode: Encode,
        waveform: Tensor,
        lengths: Tensor,
        enrolled: SpeakerEncoding | None = None,
    ) -> list[Posteriors]:
        """See RecognitionTask."""
        assert enrolled is not None
        compared = with_mixture(self.extractor, encode, waveform, lengths, enrolled)
        speech = self.extractor(waveform, compared).waveform
        own = repeat(lengths, "b -> (b k)", k=len(speech) // len(waveform))
        return [self.core.decode(self.core.encode(speech, own))]
