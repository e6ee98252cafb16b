"""Self-estimated speech as a further enrolment: what enrols, who, and when."""

from dataclasses import replace

import pytest
import torch
from tiny_models import encode_with, extraction, noise_batch, tiny_encoder
from torch import Tensor

from joint.conditioning.fusion import Conditioning
from joint.errors import ConfigError
from joint.model import JointModel, StreamBatch
from joint.outputs import SpeakerEncoding
from joint.task import Enrollment
from tasks.extraction.extractor import Estimate, Extractor
from tasks.extraction.objectives.second_pass import ESTIMATE, SecondPass, _loudest
from tasks.extraction.task import ExtractionTask


class Scaled(Extractor):
    """Multiplies the mixture by the first number of the embedding."""

    def __init__(self, embedding_dim: int) -> None:
        super().__init__()
        self.passes = 0

    def forward(self, mixture: Tensor, encoding: SpeakerEncoding) -> Estimate:
        self.passes += 1
        people = len(encoding.embedding) // len(mixture)
        factor = encoding.embedding[:, :1]
        return Estimate(mixture.repeat_interleave(people, 0) * factor)


class Recorder:
    """An encoder whose embedding is the mean sample; keeps what it is given."""

    def __init__(self) -> None:
        self.given: list[tuple[str, list[int]]] = []

    def __call__(self, audio: Tensor, lengths: Tensor, role: str) -> SpeakerEncoding:
        audio, lengths = audio.flatten(0, -2), lengths.flatten()
        self.given.append((role, lengths.tolist()))
        means = audio.sum(dim=1) / lengths
        return SpeakerEncoding(means[:, None], waveform=audio, lengths=lengths)


def enrolled(*values: float, samples: int = 8000) -> list[Enrollment]:
    return [Enrollment.of(torch.full((samples + 10 * i,), v)) for i, v in enumerate(values)]


def task_of(second_pass: SecondPass | None) -> ExtractionTask:
    return ExtractionTask(1, Scaled, second_pass=second_pass).eval()


def test_inference_by_hand() -> None:
    """The mixture is 1. The first pass gives 0.5 and 0.25, and so does the second one's enrolment:
    alone, or behind the recording, which has the same mean."""
    mixture = torch.ones(16_000)
    for keep in (False, True):
        task, encode = task_of(SecondPass(inference=True, keep_enrollment=keep)), Recorder()
        found = task.infer(encode, mixture, enrolled(0.5, 0.25))
        expected = torch.tensor([[0.5], [0.25]]).expand(2, 16_000)
        torch.testing.assert_close(found, expected)
        lengths = [24_000, 24_010] if keep else [16_000, 16_000]
        assert encode.given[1] == (ESTIMATE, lengths) and task.extractor.passes == 2
    mixture = torch.full((16_000,), 2.0)
    task = task_of(SecondPass(inference=True, keep_enrollment=False))
    found = task.infer(Recorder(), mixture, enrolled(0.5))
    torch.testing.assert_close(found, torch.full((1, 16_000), 2.0))  # 0.5 · 2 = 1 enrols, 1 · 2


def test_one_pass_by_default_and_in_training_alone() -> None:
    for second_pass in (None, SecondPass(), SecondPass(probability=1.0)):
        task, encode = task_of(second_pass), Recorder()
        task.infer(encode, torch.ones(16_000), enrolled(0.5))
        assert task.extractor.passes == 1 and len(encode.given) == 1


def test_pieces_of_a_long_mixture_share_the_second_encoding() -> None:
    task, encode = task_of(SecondPass(inference=True)), Recorder()
    found = task.infer(encode, torch.ones(100_000), enrolled(0.5), longest=40_000)
    torch.testing.assert_close(found, torch.full((1, 100_000), 0.5))
    assert [role for role, _ in encode.given] == ["enrollment", ESTIMATE]


def test_a_kept_embedding_is_enrolled_by_the_estimate_alone() -> None:
    task, encode = task_of(SecondPass(inference=True)), Recorder()
    task.infer(encode, torch.ones(16_000), [Enrollment.kept(torch.tensor([0.5]))])
    assert encode.given == [(ESTIMATE, [16_000])]


def test_training_enrols_absent_people_by_their_recording() -> None:
    source = torch.tensor([[0, -1]]).expand(2, 2)
    batch = noise_batch(scenes=2, enrollment_source=source, samples=4800)
    task, encode = task_of(SecondPass(probability=1.0)).train(), Recorder()
    task.loss(encode, batch, 0.5)
    assert encode.given[1] == (ESTIMATE, [9600, 4800, 9600, 4800])
    alone = task_of(SecondPass(probability=1.0, keep_enrollment=False)).train()
    alone.loss(encode := Recorder(), batch, 0.5)
    assert encode.given[1] == (ESTIMATE, [4800] * 4)


def test_training_draws_and_gives_gradients_by_the_second_pass() -> None:
    task, encoder, batch = extraction(), tiny_encoder().eval(), noise_batch()
    task.second_pass = SecondPass(probability=0.5)
    losses = set()
    for seed in range(8):
        torch.manual_seed(seed)
        losses.add(round(float(task.loss(encode_with(encoder), batch, 1.0).loss.detach()), 4))
    assert len(losses) == 2, losses
    task.second_pass = SecondPass(probability=1.0)
    task.loss(encode_with(encoder), batch, 1.0).loss.backward()
    reached = [p.grad is not None for p in (*encoder.parameters(), *task.parameters())]
    assert all(reached)


class Mixed(Conditioning):
    """Asks for the encoding of the mixture."""

    reads_mixture = True

    def forward(self, features: Tensor, encoding: SpeakerEncoding) -> Tensor:
        return features


class OfTheMixture(Scaled):
    """Multiplies the mixture by the first number of its own embedding."""

    def __init__(self, embedding_dim: int) -> None:
        super().__init__(embedding_dim)
        self.cue = Mixed()

    def forward(self, mixture: Tensor, encoding: SpeakerEncoding) -> Estimate:
        assert encoding.mixture is not None
        return super().forward(mixture, replace(encoding, embedding=encoding.mixture.embedding))


def test_a_mixture_that_is_encoded_once_has_a_gradient() -> None:
    """A view gives the second pass what it gave the first."""
    batch = noise_batch(enrolled=1)
    model = JointModel(
        tiny_encoder(),
        {"extraction": ExtractionTask(12, OfTheMixture, second_pass=SecondPass(probability=1.0))},
    )
    model([StreamBatch(batch, ("extraction",))], 0.5).loss.backward()
    assert all(p.grad is not None for p in model.encoder.parameters())


def test_the_loudest_stretch() -> None:
    estimate = torch.zeros(2, 1000)
    estimate[0, 700:800], estimate[1, 100:150] = 1.0, 1.0
    found = _loudest(estimate, 400)
    assert found.shape == (2, 400) and found.sum(dim=1).tolist() == [100.0, 50.0]


def test_a_probability() -> None:
    with pytest.raises(ConfigError, match=r"second_pass\.probability: found 2"):
        SecondPass(probability=2)
