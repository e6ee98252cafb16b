"""The extraction task: who is meant, people who are absent, long mixtures in pieces."""

from functools import partial

import pytest
import torch
from tiny_models import encode_with, encoding_of, extraction, noise_batch, tiny_encoder
from torch import Tensor

from joint.metrics.separation import si_sdr_db
from joint.outputs import SpeakerEncoding
from joint.task import Enrollment
from tasks.extraction.extractor import Estimate, Extractor
from tasks.extraction.pieces import OVERLAP
from tasks.extraction.task import ExtractionTask, references


class Identity(Extractor):
    """Gives the mixture back, and keeps how long the pieces were."""

    def __init__(self, embedding_dim: int) -> None:
        super().__init__()
        self.pieces: list[int] = []

    def forward(self, mixture: Tensor, encoding: SpeakerEncoding) -> Estimate:
        self.pieces.append(mixture.shape[1])
        asked = len(encoding.embedding) // len(mixture)
        return Estimate(mixture.repeat_interleave(asked, 0))


def identity() -> ExtractionTask:
    return ExtractionTask(3, Identity)


def nobody(audio: Tensor, lengths: Tensor, role: str) -> SpeakerEncoding:
    return encoding_of(torch.zeros(lengths.numel(), 3))


def test_references_follow_the_enrolments() -> None:
    batch = noise_batch(scenes=2, enrollment_source=torch.tensor([[1, 0], [-1, 1]]))
    assert batch.sources is not None
    wanted = references(batch)
    assert torch.equal(wanted[0], batch.sources[0, 1])
    assert torch.equal(wanted[1], batch.sources[0, 0])
    assert wanted[2].abs().max() == 0
    assert torch.equal(wanted[3], batch.sources[1, 1])


def test_the_loss_is_the_mean_over_all_enrolled() -> None:
    task, encode = extraction().eval(), encode_with(tiny_encoder().eval())
    batch = noise_batch(scenes=3)
    assert batch.enrollment is not None
    both = task.loss(encode, batch, 0.5)
    each = [
        task.loss(
            encode,
            noise_batch(
                scenes=3,
                enrollment=batch.enrollment[:, k : k + 1],
                enrollment_lengths=torch.full((3, 1), 4800),
                enrollment_source=torch.full((3, 1), k),
            ),
            0.5,
        )
        for k in range(2)
    ]
    assert both.count == 6 and each[0].count == 3
    mean = (each[0].loss + each[1].loss) / 2
    torch.testing.assert_close(both.loss, mean, atol=1e-5, rtol=1e-5)


def test_a_batch_of_absent_people_has_a_loss_and_no_improvement() -> None:
    batch = noise_batch(enrollment_source=torch.full((4, 2), -1))
    output = extraction().loss(encode_with(tiny_encoder()), batch, 1.0)
    output.loss.backward()
    assert output.loss.isfinite() and output.metrics == {}


def test_validation_of_the_mixture_itself() -> None:
    batches = [noise_batch(seed=seed) for seed in range(2)]
    figures = identity().validate(nobody, batches)
    assert figures["si_sdr_improvement_db"] == pytest.approx(0.0, abs=1e-4)
    assert figures["si_sdr_improvement_median_db"] == pytest.approx(0.0, abs=1e-4)


def test_validation_knows_the_wrong_speaker() -> None:
    batch = noise_batch(enrolled=1)
    assert batch.sources is not None
    task = identity()
    for source, share in ((0, 0.0), (1, 1.0)):
        voice = batch.sources[:, source]
        task.extractor.forward = lambda mixture, encoding, voice=voice: Estimate(  # type: ignore[method-assign]
            voice
        )
        assert task.validate(nobody, [batch])["wrong_speaker_share"] == share


def test_validation_leaves_the_absent_out() -> None:
    present = noise_batch(enrolled=1)
    assert present.sources is not None
    both = noise_batch(enrollment_source=torch.tensor([[0, -1]]).expand(4, 2))
    task = identity()
    voices = present.sources[:, 0]
    task.extractor.forward = lambda mixture, encoding: Estimate(  # type: ignore[method-assign]
        voices.repeat_interleave(len(encoding.embedding) // 4, 0)
    )
    figures = task.validate(nobody, [both])
    level = figures.pop("absent_level_db")
    assert figures == task.validate(nobody, [present])
    # one voice of two equally loud ones came out, where nothing should
    assert level == pytest.approx(-3.0, abs=0.2)


@pytest.mark.parametrize(
    "samples",
    [OVERLAP - 1, OVERLAP + 1, 40_000, 40_001, 48_000, 48_001, 64_000, 100_003],
)
def test_pieces_join_without_a_gap(samples: int) -> None:
    task, mixture = identity(), torch.randn(samples)
    heard = task.infer(nobody, mixture, [Enrollment.of(torch.randn(4800))], longest=40_000)[0]
    torch.testing.assert_close(heard, mixture, atol=1e-5, rtol=0)
    assert max(task.extractor.pieces) <= 40_000


def test_pieces_of_a_real_extractor() -> None:
    torch.manual_seed(0)
    task, encode = extraction().eval(), encode_with(tiny_encoder().eval())
    mixture, enrollment = 0.1 * torch.randn(90_001), 0.1 * torch.randn(9600)
    infer = partial(task.infer, encode, mixture, [Enrollment.of(enrollment)])
    with torch.no_grad():
        whole, pieces = infer(), infer(longest=48_000)
    assert pieces.shape == (1, len(mixture)) and pieces.isfinite().all()
    assert si_sdr_db(pieces, whole) > 20


@pytest.mark.parametrize("scale", [-20.0, 1e-3, 1.0])
def test_an_arbitrary_scale_is_given_the_level_in_the_mixture(scale: float) -> None:
    """Over pieces too; without the option the scale stays as it is."""
    torch.manual_seed(0)
    target, other = 0.1 * torch.randn(2, 100_003)
    mixture, person = target + other, [Enrollment.of(torch.randn(4800))]

    def estimated(part: Tensor, encoding: SpeakerEncoding) -> Estimate:
        start = 0 if part[0, 0] == mixture[0] else int((mixture == part[0, 0]).nonzero()[0])
        return Estimate(scale * target[None, start : start + part.shape[1]])

    for matched, expected in ((True, target), (False, scale * target)):
        task = ExtractionTask(3, Identity, match_level=matched)
        task.extractor.forward = estimated  # type: ignore[method-assign]
        found = task.infer(nobody, mixture, person, longest=40_000)[0]
        torch.testing.assert_close(found, expected, rtol=0.02, atol=1e-6)
    silent = ExtractionTask(3, Identity, match_level=True)
    silent.extractor.forward = lambda m, e: Estimate(0.0 * m)  # type: ignore[method-assign]
    assert silent.infer(nobody, mixture, person)[0].abs().max() == 0
