"""VoiceTask: what synthesis and conversion share as tasks of the encoder."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import ClassVar, NamedTuple

from torch import Tensor

from joint.conditioning.basis import bases_in
from joint.data.corpus import Corpus
from joint.data.phones import need_phones
from joint.outputs import TaskOutput
from joint.scene import SceneBatch
from joint.synthesis.consistency import SpeakerConsistency
from joint.synthesis.examples import (
    FIELDS,
    Examples,
    aligned_examples,
    mean_losses,
    no_examples,
)
from joint.synthesis.mel import HOP
from joint.synthesis.spoken import SpokenMel
from joint.task import ENROLLMENT, Encode, Task
from joint.units import SAMPLE_RATE, Seconds


class VoiceLoss(NamedTuple):
    """The loss of some examples, what is logged of it, and an estimate of their `log_mel (B, MELS,
    F)`, which gradients reach."""

    loss: Tensor
    metrics: dict[str, float | Tensor]
    estimate: Tensor


class VoiceTask(Task):
    """Makes the spectrograms of aligned utterances, each in the voice of another recording of its
    speaker.

    A task adds its parts, an `acoustic` model among them, and `examples_loss`.

    Args:
        phones: The inventory of the corpus. Raises ConfigError where there are none.
        stretch: Length of the random stretch of each utterance whose frames are computed in a
            training step: more steps in the same time; None: the whole.
        consistency: Its loss is added with `consistency_weight`.
    """

    requires: ClassVar[frozenset[str]] = FIELDS
    acoustic: SpokenMel

    def __init__(
        self,
        phones: Sequence[str],
        stretch: Seconds | None,
        consistency: SpeakerConsistency | None = None,
        consistency_weight: float = 0.0,
    ) -> None:
        super().__init__()
        need_phones(phones)
        self.longest = None if stretch is None else round(stretch * SAMPLE_RATE / HOP)
        self.consistency, self.consistency_weight = consistency, consistency_weight

    @abstractmethod
    def examples_loss(self, examples: Examples) -> VoiceLoss:
        """The task's loss, without that of the consistency."""

    def setup(self, corpus: Corpus) -> None:
        """See Task: the mean and the deviation of the mel bands."""
        self.acoustic.setup(corpus)

    def loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput:
        """Mean over the utterances whose phones and their times are known."""
        assert batch.enrollment is not None and batch.enrollment_lengths is not None
        encoding = encode(batch.enrollment, batch.enrollment_lengths, ENROLLMENT)
        examples = aligned_examples(batch, encoding, self.acoustic, self.longest)
        if examples is None:
            return no_examples(self, encoding)
        examples = replace(examples, encode=encode, progress=progress)
        loss, metrics, estimate = self.examples_loss(examples)
        if self.consistency is not None:
            consistency = self.consistency(
                encode, estimate, examples.spoken.mask, examples.encoding, bases_in(self)
            )
            loss = loss + self.consistency_weight * consistency
            metrics["consistency_loss"] = consistency
        return TaskOutput(loss, len(examples), metrics)

    def validate(self, encode: Encode, batches: Iterable[SceneBatch]) -> dict[str, float]:
        """The losses on held-out utterances, with the same draws each time."""
        return mean_losses(lambda batch: self.loss(encode, batch, 1.0), batches)
