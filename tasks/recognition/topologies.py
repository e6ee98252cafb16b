"""The topologies of the recogniser: single (one speaker), SIMO (several speakers, an output each),
SISO (several speakers, one output) and target (an enrolled speaker in a mixture)."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import ClassVar

from einops import repeat
from torch import Tensor, nn

from joint.conditioning.frame_fusion import FrameFusion
from joint.conditioning.fusion import Conditioning, MultiplyFusion
from joint.conditioning.local_similarity import LocalSimilarity
from joint.encoders.frames import Frames
from joint.errors import ConfigError
from joint.outputs import SpeakerEncoding
from joint.scene import SceneBatch
from joint.task import MIXTURE, Encode
from joint.text.spans import Spans
from joint.text.units import Targets, Units
from tasks.recognition.core import Posteriors, RecognizerCore
from tasks.recognition.objectives.attention import AttentionDecoder
from tasks.recognition.objectives.serialization import FirstInFirstOut, Serialization
from tasks.recognition.objectives.serialized import serialized
from tasks.recognition.task import RecognitionTask, Reference, layer_of


class MixtureRecognition(RecognitionTask):
    """A recogniser of all speakers: with `fusion` the shared encoder's frames of the mixture are
    added between the core's halves."""

    def __init__(
        self,
        units: Units,
        core: Callable[..., RecognizerCore],
        decoder: Callable[..., AttentionDecoder] | None = None,
        attention: float = 0.5,
        alignment: float = 0.0,
        fusion: Callable[..., FrameFusion] | None = None,
    ) -> None:
        super().__init__(units, core, decoder, attention, alignment)
        self.fusion: FrameFusion | None = None
        if fusion is not None:
            self.fusion = fusion(feature_dim=self.core.width)
        self.layers = layer_of(self.fusion)

    def fused(self, encode: Encode, waveform: Tensor, lengths: Tensor) -> Frames:
        """The lower half's frames with those of the shared encoder."""
        encoded = self.core.encode(waveform, lengths)
        if self.fusion is None:
            return encoded
        speakers = encode(waveform, lengths, MIXTURE)
        return self.fusion(encoded, speakers)

    def posteriors(
        self,
        encode: Encode,
        waveform: Tensor,
        lengths: Tensor,
        enrolled: SpeakerEncoding | None = None,
    ) -> list[Posteriors]:
        """See RecognitionTask; one output, unless a topology has more."""
        return [self.core.decode(self.fused(encode, waveform, lengths))]

    def references(self, batch: SceneBatch, targets: Targets) -> list[Reference]:
        """See RecognitionTask; one for each source, unless a topology joins them."""
        return by_source(targets)


class SingleRecognition(MixtureRecognition):
    """One output for the one speaker."""


class SimoRecognition(MixtureRecognition):
    """An output for each of `speakers`, from `branch_blocks` blocks of its own; trained by the best
    permutation of outputs and speakers (Yu, Chang and Qian, ICASSP 2017)."""

    def __init__(
        self,
        units: Units,
        core: Callable[..., RecognizerCore],
        decoder: Callable[..., AttentionDecoder] | None = None,
        attention: float = 0.5,
        alignment: float = 0.0,
        fusion: Callable[..., FrameFusion] | None = None,
        speakers: int = 2,
        branch_blocks: int = 2,
    ) -> None:
        super().__init__(units, core, decoder, attention, alignment, fusion)
        self.branches = nn.ModuleList(self.core.stack(branch_blocks) for _ in range(speakers))

    def posteriors(
        self,
        encode: Encode,
        waveform: Tensor,
        lengths: Tensor,
        enrolled: SpeakerEncoding | None = None,
    ) -> list[Posteriors]:
        """See RecognitionTask."""
        fused = self.fused(encode, waveform, lengths)
        return [self.core.decode(branch(fused)) for branch in self.branches]


class SisoRecognition(MixtureRecognition):
    """One output for all speakers, with a change token between them.

    In which `order` their units are written: first in, first out (FIFO-SOT, Kanda et al.,
    Interspeech 2020), which needs an attention decoder, or in the order of time (t-SOT), which CTC
    alone can learn too (`decoder: null`). Raises ConfigError for another order than that of time
    without a decoder.
    """

    extra_symbols: ClassVar[int] = 1

    def __init__(
        self,
        units: Units,
        core: Callable[..., RecognizerCore],
        decoder: Callable[..., AttentionDecoder] | None = AttentionDecoder,
        attention: float = 0.5,
        alignment: float = 0.0,
        fusion: Callable[..., FrameFusion] | None = None,
        speakers: int = 2,
        order: Serialization | None = None,
    ) -> None:
        order = order or FirstInFirstOut()
        if decoder is None and not order.in_time:
            raise ConfigError(
                "decoder",
                f"CTC alone with the order {type(order).__name__}, which CTC cannot align as it "
                "is not that of time",
                "an attention decoder, or the order InterleavedTokens (t-SOT)",
            )
        super().__init__(units, core, decoder, attention, alignment, fusion)
        self.speakers, self.order = speakers, order

    @property
    def fields(self) -> frozenset[str]:
        """See Task: the sources' starts too, which decide the order."""
        return super().fields | {"start_samples"}

    def references(self, batch: SceneBatch, targets: Targets) -> list[Reference]:
        """See RecognitionTask."""
        assert batch.start_samples is not None
        change, hop = len(self.units), self.core.hop
        return [serialized(targets, batch.start_samples, self.order, change, hop)]

    def speaker_places(self, sequences: Sequence[Sequence[int]]) -> list[list[tuple[int, int]]]:
        """See RecognitionTask."""
        parts = self.order.places(sequences[0], self.speakers, len(self.units))
        return [[(0, i) for i in own] for own in parts]


class EnrolledRecognition(RecognitionTask):
    """A recogniser of enrolled speakers: `B·K` outputs, for K enrolments of each mixture."""

    requires: ClassVar[frozenset[str]] = RecognitionTask.requires | {
        "enrollment",
        "enrollment_lengths",
        "enrollment_source",
    }

    def references(self, batch: SceneBatch, targets: Targets) -> list[Reference]:
        """See RecognitionTask; empty for absent speakers."""
        assert batch.enrollment_source is not None
        source = batch.enrollment_source
        place, absent = source.clamp(min=0), source < 0
        ids = targets.ids.gather(1, repeat(place, "b k -> b k p", p=targets.ids.shape[2]))
        counts = targets.counts.gather(1, place).masked_fill(absent, 0)
        known = targets.known.gather(1, place) | absent
        spans = None if targets.spans is None else targets.spans.of(place, absent)
        return [Reference(ids.flatten(0, 1), counts.flatten(), known.flatten(), spans)]


class TargetRecognition(EnrolledRecognition):
    """An output for each enrolled speaker, empty where that speaker is absent: `fusion` conditions
    the core between its halves on the enrolment, `similarity` on how similar the mixture is to it
    at each moment."""

    def __init__(
        self,
        embedding_dim: int,
        units: Units,
        core: Callable[..., RecognizerCore],
        decoder: Callable[..., AttentionDecoder] | None = None,
        attention: float = 0.5,
        alignment: float = 0.0,
        fusion: Callable[..., Conditioning] = MultiplyFusion,
        similarity: Callable[..., LocalSimilarity] | None = None,
    ) -> None:
        super().__init__(units, core, decoder, attention, alignment)
        self.fusion = fusion(feature_dim=self.core.width, embedding_dim=embedding_dim)
        self.similarity: LocalSimilarity | None = None
        if similarity is not None:
            self.similarity = similarity(feature_dim=self.core.width)

    def posteriors(
        self,
        encode: Encode,
        waveform: Tensor,
        lengths: Tensor,
        enrolled: SpeakerEncoding | None = None,
    ) -> list[Posteriors]:
        """See RecognitionTask."""
        assert enrolled is not None
        encoded = self.core.encode(waveform, lengths)
        asked = len(enrolled.embedding) // len(waveform)
        features = repeat(encoded.features, "b f d -> (b k) f d", k=asked)
        mask = None if encoded.mask is None else repeat(encoded.mask, "b f -> (b k) f", k=asked)
        conditioned = replace(encoded, features=self.fusion(features, enrolled), mask=mask)
        if self.similarity is not None:
            conditioned = self.similarity(conditioned, encode, waveform, lengths, enrolled)
        return [self.core.decode(conditioned)]


def by_source(targets: Targets) -> list[Reference]:
    """A reference for each source."""
    return [
        Reference(
            targets.ids[:, n],
            targets.counts[:, n],
            targets.known[:, n],
            None if targets.spans is None else Spans(*(times[:, n] for times in targets.spans)),
        )
        for n in range(targets.ids.shape[1])
    ]
