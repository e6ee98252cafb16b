"""Extraction: the enrolled speaker out of a mixture."""

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

import torch
from einops import repeat
from torch import Tensor, nn

from joint.conditioning.mixture import with_mixture
from joint.errors import ConfigError
from joint.metrics.separation import si_sdr_db
from joint.outputs import SpeakerEncoding, TaskOutput
from joint.scene import SceneBatch
from joint.task import ENROLLMENT, Encode, Enrollment, Task, encode_enrollments
from joint.units import Samples
from tasks.extraction.extractor import Estimate, Extractor
from tasks.extraction.level import at_level_in
from tasks.extraction.losses import ExtractionLoss, is_present, level_db
from tasks.extraction.objectives.confusion import ConfusionLoss
from tasks.extraction.objectives.critic import MetricCritic
from tasks.extraction.objectives.second_pass import SecondPass
from tasks.extraction.pieces import LONGEST, in_pieces


class ExtractionTask(Task):
    """Extracts every enrolled person from the mixture.

    Args:
        extractor: Called with `embedding_dim`.
        criterion: What the estimates are compared with their references by.
        confusion: A loss against target confusion; None: none.
        second_pass: What was extracted as a further enrolment; None: one pass.
        critic: A network that predicts the estimates' score, and which the extractor trains to
            please; None: none.
        match_level: Whether inference gives an estimate its level in the mixture: for an extractor
            that SI-SDR alone has taught, whose scale is arbitrary. One that has learnt to be silent
            for absent people would be made loud again.
    """

    requires: ClassVar[frozenset[str]] = frozenset(
        {"enrollment", "enrollment_lengths", "enrollment_source", "mixture", "sources"}
    )

    def __init__(
        self,
        embedding_dim: int,
        extractor: Callable[..., Extractor],
        criterion: ExtractionLoss | None = None,
        confusion: ConfusionLoss | None = None,
        second_pass: SecondPass | None = None,
        critic: MetricCritic | None = None,
        match_level: bool = False,
    ) -> None:
        super().__init__()
        self.extractor = extractor(embedding_dim=embedding_dim)
        self.criterion = criterion or ExtractionLoss()
        self.confusion, self.critic = confusion, critic
        self.second_pass, self.match_level = second_pass or SecondPass(), match_level
        self._kept: tuple[SceneBatch, tuple[Tensor, Tensor, Tensor]] | None = None

    def estimate(self, encode: Encode, mixture: Tensor, encoding: SpeakerEncoding) -> Estimate:
        """What the extractor makes of `mixture (B, S)` and the `encoding` of `B·K` enrolments, with
        what it asks for of the mixture; see `with_mixture`."""
        estimate: Estimate = self.extractor(mixture, self._compared(encode, mixture, encoding))
        return estimate

    def _compared(
        self, encode: Encode, mixture: Tensor, encoding: SpeakerEncoding
    ) -> SpeakerEncoding:
        lengths = torch.full((len(mixture),), mixture.shape[1], device=mixture.device)
        return with_mixture(self.extractor, encode, mixture, lengths, encoding)

    def loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput:
        """Mean over the `B·K` enrolled people of the batch."""
        encoding, estimate, reference, mixture = self._estimated(encode, batch)
        losses = self.criterion(estimate, reference, mixture, progress)
        count = len(losses)
        gain = improvement(estimate.waveform.detach(), reference, mixture)
        metrics: dict[str, float | Tensor] = {}
        if len(gain):
            metrics["si_sdr_improvement_db"] = gain.mean()
        loss = losses.mean()
        # Sums over those whom an objective is about, divided by all: the mean over the batches of
        # all processes is then that of all people.
        if self.confusion is not None:
            assert batch.sources is not None and batch.enrollment_source is not None
            places = batch.enrollment_source
            found = self.confusion(encode, encoding.embedding, batch.sources, places)
            loss = loss + self.confusion.weight * found.losses.sum() / count
            if len(found.losses):
                metrics["confusion_loss"] = found.losses.mean()
                metrics["confused_share"] = found.confused.float().mean()
        self._kept = None
        if self.critic is not None and self.critic.plays(progress):
            present = is_present(reference, mixture)
            judged = estimate.waveform[present], reference[present]
            if len(judged[0]):
                adversarial = self.critic.adversarial(*judged)
                loss = loss + self.critic.weight * adversarial.sum() / count
                metrics["adversarial_loss"] = adversarial.mean()
            self._kept = batch, (judged[0].detach(), judged[1], mixture[present])
        return TaskOutput(loss, count, metrics)

    def critic_loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput | None:
        """The critic's error on what `loss` extracted from the same batch, of those present."""
        if self.critic is None:
            return None
        if not self.critic.plays(progress):
            return TaskOutput.empty(self.critic.parameters())
        assert self._kept is not None and self._kept[0] is batch, "critic_loss before loss"
        judged, self._kept = self._kept[1], None
        if not len(judged[0]):
            return TaskOutput.empty(self.critic.parameters())
        losses = self.critic.own_loss(*judged)
        return TaskOutput(losses.mean(), len(losses))

    def critic_parameters(self) -> Iterable[nn.Parameter]:
        """The critic's."""
        return () if self.critic is None else self.critic.parameters()

    def validate(self, encode: Encode, batches: Iterable[SceneBatch]) -> dict[str, float]:
        """SI-SDRi over held-out scenes and the share in which another speaker came out, both of the
        people who are present; the mean level of what came out of the mixture for those who are
        absent, where the scenes have some."""
        gains, wrong, levels = [], [], []
        for batch in batches:
            _, estimate, reference, mixture = self._estimated(encode, batch)
            waveform, present = estimate.waveform, is_present(reference, mixture)
            gains.append(improvement(waveform, reference, mixture))
            others = si_sdr_db(waveform, mixture - reference)
            nearer_to_others = others > si_sdr_db(waveform, reference)
            wrong.append(nearer_to_others[present])
            levels.append(level_db(waveform, mixture)[~present])
        gain, absent = torch.cat(gains), torch.cat(levels)
        figures = {
            "si_sdr_improvement_db": float(gain.mean()),
            "si_sdr_improvement_median_db": float(gain.median()),
            "wrong_speaker_share": float(torch.cat(wrong).float().mean()),
        }
        return figures | ({"absent_level_db": float(absent.mean())} if len(absent) else {})

    def examples(self, encode: Encode, batch: SceneBatch, count: int) -> dict[str, Tensor]:
        """Mixture, reference and estimate of the first `count` enrolled people."""
        _, estimate, reference, mixture = self._estimated(encode, batch)
        sounds = {"mixture": mixture, "reference": reference, "estimate": estimate.waveform}
        places = range(min(count, len(reference)))
        return {f"{n}/{name}": sound[n] for n in places for name, sound in sounds.items()}

    def infer(
        self,
        encode: Encode,
        recording: Tensor,
        enrollments: Sequence[Enrollment] = (),
        longest: Samples = LONGEST,
    ) -> Tensor:
        """See Task: the speech `(K, S)` of each of K enrolled people in the mixture `recording`;
        pieces of at most `longest` Samples are cross-faded.

        Raises ConfigError for no enrolment, and for a kept embedding where the extractor needs the
        recording.
        """
        if not enrollments:
            raise ConfigError("enrolments", "none", "one for each person to extract")

        def extracted(encoding: SpeakerEncoding) -> Tensor:
            def piece(mixture: Tensor) -> Tensor:
                return self.estimate(encode, mixture, encoding).waveform

            return in_pieces(piece, recording, longest)

        encoding = encode_enrollments(encode, enrollments)
        found = extracted(encoding)
        if self.second_pass.due(training=False):
            found = extracted(self.second_pass.encoding(encode, encoding, found))
        return at_level_in(found, recording) if self.match_level else found

    def _estimated(
        self, encode: Encode, batch: SceneBatch
    ) -> tuple[SpeakerEncoding, Estimate, Tensor, Tensor]:
        """The encoding of the `B·K` enrolments of a batch, their estimates, references and
        mixtures."""
        assert batch.enrollment is not None and batch.enrollment_lengths is not None
        assert batch.mixture is not None
        encoding = encode(batch.enrollment, batch.enrollment_lengths, ENROLLMENT)
        reference = references(batch)
        mixture = repeat(batch.mixture, "b s -> (b k) s", k=len(reference) // len(batch))
        used = encoding
        if self.second_pass.due(self.training, batch.mixture.device):
            # with gradient: the second pass, and other tasks of the step, get the same encodings
            compared = self._compared(encode, batch.mixture, encoding)
            with torch.no_grad():
                first = self.extractor(batch.mixture, compared).waveform
            present = is_present(reference, mixture) if self.training else None
            used = self.second_pass.encoding(encode, encoding, first, present)
        return encoding, self.estimate(encode, batch.mixture, used), reference, mixture


def references(batch: SceneBatch) -> Tensor:
    """The reference of each enrolled person, `(B·K, S)`; zero for the absent."""
    assert batch.sources is not None and batch.enrollment_source is not None
    source = batch.enrollment_source
    index = source.clamp(min=0)[:, :, None].expand(-1, -1, batch.sources.shape[2])
    chosen = batch.sources.gather(1, index) * (source >= 0)[:, :, None]
    return chosen.flatten(0, 1)


def improvement(estimate: Tensor, reference: Tensor, mixture: Tensor) -> Tensor:
    """SI-SDRi of the people who are present, `(≤ B,)`."""
    present = is_present(reference, mixture)
    estimate, reference, mixture = estimate[present], reference[present], mixture[present]
    return si_sdr_db(estimate, reference) - si_sdr_db(mixture, reference)
