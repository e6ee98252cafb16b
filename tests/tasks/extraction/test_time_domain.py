"""A time-domain extractor trains through the same task and losses as a spectral one."""

import pytest
import torch
from tiny_models import noise_batch, tiny_encoder
from torch import Tensor, nn

from joint.conditioning.fusion import FilmFusion
from joint.errors import ConfigError
from joint.model import JointModel, StreamBatch
from joint.outputs import SpeakerEncoding
from joint.seeding import seeded
from joint.task import ENROLLMENT, Enrollment, encode_recording
from tasks.extraction.extractor import Estimate, Extractor
from tasks.extraction.extractors.bsrnn import small_bsrnn
from tasks.extraction.losses import ExtractionLoss
from tasks.extraction.task import ExtractionTask


class TimeDomain(Extractor):
    """Learnt filters, a conditioned mask, their transpose (after Luo and Mesgarani, 2019)."""

    def __init__(self, embedding_dim: int, channels: int = 32, kernel: int = 32) -> None:
        super().__init__()
        self.kernel = kernel
        self.encode = nn.Conv1d(1, channels, kernel, kernel // 2, kernel, bias=False)
        self.conditioning = FilmFusion(channels, embedding_dim)
        self.mask = nn.Sequential(nn.Linear(channels, 64), nn.ReLU(), nn.Linear(64, channels))
        self.decode = nn.ConvTranspose1d(channels, 1, kernel, kernel // 2, bias=False)

    def forward(self, mixture: Tensor, encoding: SpeakerEncoding) -> Estimate:
        people = len(encoding.embedding) // len(mixture)
        features = self.encode(mixture.unsqueeze(1)).repeat_interleave(people, dim=0)
        conditioned = self.conditioning(features.transpose(1, 2), encoding)
        mask = torch.sigmoid(self.mask(conditioned)).transpose(1, 2)
        whole = self.decode(features * mask).squeeze(1)
        return Estimate(whole[:, self.kernel : self.kernel + mixture.shape[1]])


def model(criterion: ExtractionLoss) -> JointModel:
    with seeded(0, "time domain"):
        task = ExtractionTask(12, TimeDomain, criterion)
    return JointModel(tiny_encoder(), {"extraction": task})


@pytest.mark.parametrize(
    "criterion",
    [
        ExtractionLoss(),
        ExtractionLoss(0.0, 0.0, compressed_weight=1.0, l1_weight=0.1, window=256, hop=64),
    ],
    ids=["SI-SDR", "spectral terms"],
)
def test_it_trains(criterion: ExtractionLoss) -> None:
    made, batch = model(criterion), [StreamBatch(noise_batch(), ("extraction",))]
    optimizer = torch.optim.Adam(made.parameters(), lr=0.01)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = made(batch, 0.5).loss
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] - 0.1 * abs(losses[0])
    task = made.eval().tasks["extraction"]
    with torch.no_grad():
        assert "si_sdr_improvement_db" in task.validate(made.view("extraction"), [noise_batch()])


def test_a_kept_embedding_extracts_as_its_recording() -> None:
    made = model(ExtractionLoss()).eval()
    task, encode = made.task("extraction"), made.view("extraction")
    mixture, people = 0.1 * torch.randn(4800), [0.1 * torch.randn(n) for n in (4800, 3200)]
    with torch.no_grad():
        kept = [Enrollment.kept(encode_recording(encode, p).embedding[0]) for p in people]
        recorded = [Enrollment.of(p) for p in people]
        expected = task.infer(encode, mixture, recorded)
        roles: list[str] = []

        def watched(audio: Tensor, lengths: Tensor, role: str) -> SpeakerEncoding:
            roles.append(role)
            return made.view("extraction")(audio, lengths, role)

        found = task.infer(watched, mixture, kept)
        assert not roles  # nothing is encoded in the place of what is kept
        mixed = task.infer(watched, mixture, [kept[0], recorded[1]])
        assert roles == [ENROLLMENT]
    assert expected.shape == (2, 4800)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(mixed, expected, atol=1e-5, rtol=1e-4)


def test_an_extractor_that_needs_the_recording_refuses_a_kept_embedding() -> None:
    def extractor(embedding_dim: int) -> Extractor:
        return small_bsrnn(embedding_dim, features=8, depth=1, bottleneck=8)

    task = ExtractionTask(12, extractor)
    encode = JointModel(tiny_encoder(), {"extraction": task}).view("extraction")
    with pytest.raises(ConfigError, match=r"profile: .*without its recording"):
        task.infer(encode, torch.randn(4800), [Enrollment.kept(torch.randn(12))])
    with pytest.raises(ConfigError, match="enrolments: found none"):
        task.infer(encode, torch.randn(4800))


def test_several_recordings_of_one_person_are_one_enrolment() -> None:
    made = model(ExtractionLoss()).eval()
    task, encode = made.task("extraction"), made.view("extraction")
    mixture, person = 0.1 * torch.randn(4800), 0.1 * torch.randn(6400)
    with torch.no_grad():
        parts = task.infer(encode, mixture, [Enrollment.of(person[:4000], person[4000:])])
        torch.testing.assert_close(parts, task.infer(encode, mixture, [Enrollment.of(person)]))


@pytest.mark.parametrize(
    "given", [{}, {"recordings": (torch.zeros(3),), "embedding": torch.zeros(2)}]
)
def test_an_enrolment_is_one_of_the_two(given: dict) -> None:
    with pytest.raises(ConfigError, match="recordings or a kept embedding"):
        Enrollment(**given)
