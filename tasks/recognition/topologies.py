"""The faces of the recogniser: one person; one of several, whom an enrolment names; several in as
many outputs; several in one."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from torch import Tensor, nn

from joint.conditioning.frame_fusion import FrameFusion
from joint.conditioning.fusion import Fusion, MultiplyFusion
from joint.conditioning.local_similarity import LocalSimilarity
from joint.encoders.frames import Frames
from joint.errors import ConfigError
from joint.outputs import SpeakerEncoding
from joint.scene import SceneBatch
from joint.task import MIXTURE, Encode
from joint.text.spans import Spans
from joint.text.units import Targets, Units
from tasks.recognition.core import RecognizerCore, Transcript
from tasks.recognition.objectives.attention import AttentionDecoder
from tasks.recognition.objectives.serialization import FirstInFirstOut, Serialization
from tasks.recognition.objectives.serialized import serialized
from tasks.recognition.task import RecognitionTask, Said, only


class MixtureRecognition(RecognitionTask):
    """A face that hears everybody: with `fusion` the shared encoder's frames of the mixture enter
    between the core's halves."""

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
            self.fusion = fusion(feature_dim=self.core.width, hop=self.core.hop)
        self.layers = only(self.fusion)

    def heard(self, encode: Encode, waveform: Tensor, lengths: Tensor) -> Frames:
        """What the lower half hears, and the shared encoder beside it."""
        heard = self.core.hear(waveform, lengths)
        if self.fusion is None:
            return heard
        return heard.with_features(self.fusion(heard.features, encode(waveform, lengths, MIXTURE)))


class SingleRecognition(MixtureRecognition):
    """What the one person says who speaks."""

    def transcripts(
        self,
        encode: Encode,
        waveform: Tensor,
        lengths: Tensor,
        enrolled: SpeakerEncoding | None = None,
    ) -> list[Transcript]:
        """See RecognitionTask."""
        return [self.core.understand(self.heard(encode, waveform, lengths))]

    def wanted(self, batch: SceneBatch, targets: Targets) -> list[Said]:
        """See RecognitionTask."""
        return by_source(targets)


class SimoRecognition(MixtureRecognition):
    """As many outputs as `speakers`, each from `branch_blocks` blocks of its own; which of them
    says what whom says is left open (Yu, Chang and Qian, ICASSP 2017)."""

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

    def transcripts(
        self,
        encode: Encode,
        waveform: Tensor,
        lengths: Tensor,
        enrolled: SpeakerEncoding | None = None,
    ) -> list[Transcript]:
        """See RecognitionTask."""
        heard = self.heard(encode, waveform, lengths)
        return [self.core.understand(branch(heard)) for branch in self.branches]

    def wanted(self, batch: SceneBatch, targets: Targets) -> list[Said]:
        """See RecognitionTask."""
        return by_source(targets)


class SisoRecognition(MixtureRecognition):
    """One output for all speakers, with a change token between them.

    In which `order` their units are written: first in, first out (FIFO-SOT, Kanda et al.,
    Interspeech 2020), which needs an attention decoder, or in the order of time (t-SOT), which CTC
    alone can learn too (`decoder: null`). Raises ConfigError for another order than that of time
    without a decoder.
    """

    symbols_besides: ClassVar[int] = 1

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

    def transcripts(
        self,
        encode: Encode,
        waveform: Tensor,
        lengths: Tensor,
        enrolled: SpeakerEncoding | None = None,
    ) -> list[Transcript]:
        """See RecognitionTask."""
        return [self.core.understand(self.heard(encode, waveform, lengths))]

    def wanted(self, batch: SceneBatch, targets: Targets) -> list[Said]:
        """See RecognitionTask."""
        assert batch.start_samples is not None
        change, hop = len(self.units), self.core.hop
        return [serialized(targets, batch.start_samples, self.order, change, hop)]

    def places(self, sequences: Sequence[Sequence[int]]) -> list[list[tuple[int, int]]]:
        """See RecognitionTask."""
        parts = self.order.places(sequences[0], self.speakers, len(self.units))
        return [[(0, i) for i in own] for own in parts]


class EnrolledRecognition(RecognitionTask):
    """A face that is asked for people: `B·K` outputs, K enrolments for each mixture in turn."""

    requires: ClassVar[frozenset[str]] = RecognitionTask.requires | {
        "enrollment",
        "enrollment_lengths",
        "enrollment_source",
    }

    def wanted(self, batch: SceneBatch, targets: Targets) -> list[Said]:
        """See RecognitionTask; nothing of those who are absent."""
        assert batch.enrollment_source is not None
        source = batch.enrollment_source
        place = source.clamp(min=0)
        ids = targets.ids.gather(1, place[:, :, None].expand(-1, -1, targets.ids.shape[2]))
        silent = source < 0
        counts = targets.counts.gather(1, place).masked_fill(silent, 0)
        known = targets.known.gather(1, place) | silent
        spans = None
        if targets.spans is not None:
            spans = targets.spans.of(place, silent)
        return [Said(ids.flatten(0, 1), counts.flatten(), known.flatten(), spans)]


class TargetRecognition(EnrolledRecognition):
    """What each enrolled person says, nothing where they are silent: `fusion` tells the core
    between its halves whom to follow, `similarity` where the shared encoder hears that person."""

    def __init__(
        self,
        embedding_dim: int,
        units: Units,
        core: Callable[..., RecognizerCore],
        decoder: Callable[..., AttentionDecoder] | None = None,
        attention: float = 0.5,
        alignment: float = 0.0,
        fusion: Callable[..., Fusion] = MultiplyFusion,
        similarity: Callable[..., LocalSimilarity] | None = None,
    ) -> None:
        super().__init__(units, core, decoder, attention, alignment)
        self.fusion = fusion(feature_dim=self.core.width, embedding_dim=embedding_dim)
        self.similarity: LocalSimilarity | None = None
        if similarity is not None:
            self.similarity = similarity(feature_dim=self.core.width, hop=self.core.hop)

    def transcripts(
        self,
        encode: Encode,
        waveform: Tensor,
        lengths: Tensor,
        enrolled: SpeakerEncoding | None = None,
    ) -> list[Transcript]:
        """See RecognitionTask."""
        assert enrolled is not None
        heard = self.core.hear(waveform, lengths)
        asked = len(enrolled.embedding) // len(waveform)
        features = heard.features.repeat_interleave(asked, dim=0)
        mask = heard.mask if heard.mask is None else heard.mask.repeat_interleave(asked, dim=0)
        followed = self.fusion(features, enrolled)
        if self.similarity is not None:
            followed = self.similarity(followed, encode, waveform, lengths, enrolled)
        return [self.core.understand(Frames(followed, mask, heard.stride))]


def by_source(targets: Targets) -> list[Said]:
    """What each source says."""
    return [
        Said(
            targets.ids[:, n],
            targets.counts[:, n],
            targets.known[:, n],
            None if targets.spans is None else Spans(*(times[:, n] for times in targets.spans)),
        )
        for n in range(targets.ids.shape[1])
    ]
