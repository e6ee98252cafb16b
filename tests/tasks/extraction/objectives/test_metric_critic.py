"""The critic that predicts scores: what it learns, whom it judges, and when."""

import numpy as np
import pytest
import torch
from tiny_models import encode_with, extraction, noise_batch, tiny_encoder
from torch import Tensor

from joint.errors import ConfigError
from joint.metrics.perceptual import perceptual, pesq_installed
from joint.model import JointModel, StreamBatch
from joint.outputs import SpeakerEncoding
from joint.scene import SceneBatch
from tasks.extraction.objectives.critic import MetricCritic, PesqScore, SiSdrScore
from tasks.extraction.task import ExtractionTask


def never(audio: Tensor, lengths: Tensor, role: str) -> SpeakerEncoding:
    """An encoder that must not be asked."""
    raise AssertionError(role)


def critic_of(seed: int = 0, **options: object) -> MetricCritic:
    torch.manual_seed(seed)
    return MetricCritic(channels=4, window=128, hop=64, **options)  # type: ignore[arg-type]


def task_with(critic: MetricCritic | None) -> ExtractionTask:
    task = extraction()
    task.critic = critic
    return task


def test_the_si_sdr_score() -> None:
    torch.manual_seed(0)
    reference, other = torch.randn(2, 1, 16_000)
    other = other - (other @ reference.T) / reference.square().sum() * reference
    other = other * (reference.norm() / other.norm())
    score = SiSdrScore(-10.0, 30.0)
    for ratio, expected in ((-20.0, 0.0), (-10.0, 0.0), (0.0, 0.25), (10.0, 0.5), (40.0, 1.0)):
        estimate = reference + 10 ** (-ratio / 20) * other
        torch.testing.assert_close(score(3 * estimate, reference), torch.tensor([expected]))
    with pytest.raises(ConfigError, match=r"score\.low: found 30"):
        SiSdrScore(30.0, 30.0)


@pytest.mark.skipif(not pesq_installed(), reason="pip install pesq")
def test_the_pesq_score() -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal((2, 16_000)).astype(np.float32)
    noise[0] *= np.sin(np.linspace(0, 40, 16_000)) > 0
    silent = torch.zeros(1, 16_000)
    pair = torch.from_numpy(noise[:1] + 0.1 * noise[1:]), torch.from_numpy(noise[:1])
    expected = (perceptual(pair[0][0].numpy(), noise[0]).pesq - 1.0) / 3.64
    torch.testing.assert_close(PesqScore()(*pair), torch.tensor([expected]), atol=1e-5, rtol=0)
    assert PesqScore()(silent, pair[1]).isnan().all()


def test_a_score_that_is_missing_does_not_count() -> None:
    class Missing(SiSdrScore):
        def forward(self, estimate: Tensor, reference: Tensor) -> Tensor:
            return torch.full((len(estimate),), torch.nan)

    critic, (a, b, c) = critic_of(score=Missing()), torch.randn(3, 2, 4800)
    found = critic.own_loss(a, b, c)
    torch.testing.assert_close(found, (critic(b, b) - 1.0).square())


def test_loudness_does_not_matter_and_silence_is_finite() -> None:
    critic, (estimate, reference) = critic_of(), 0.1 * torch.randn(2, 3, 4800)
    expected = critic(estimate, reference)
    torch.testing.assert_close(critic(9 * estimate, 9 * reference), expected)
    torch.testing.assert_close(critic(3 * estimate, reference), expected, atol=1e-3, rtol=0)
    silent = torch.zeros(3, 4800, requires_grad=True)
    critic.adversarial(silent, reference).sum().backward()
    assert silent.grad is not None and silent.grad.isfinite().all()


def test_it_learns_to_tell_good_from_bad() -> None:
    """Noise in different shares: after 60 steps it predicts scores that it has not seen."""
    critic = critic_of()
    optimizer = torch.optim.Adam(critic.parameters(), lr=3e-3)

    def batch(seed: int) -> tuple[Tensor, Tensor, Tensor]:
        generator = torch.Generator().manual_seed(seed)
        reference, noise = torch.randn(2, 12, 3200, generator=generator)
        reference = reference * (torch.arange(3200) // 400 % 2)  # on and off
        share = torch.logspace(-1.5, 0.5, 12)[:, None]
        return reference + share * noise, reference, reference + noise

    for seed in range(60):
        optimizer.zero_grad()
        critic.own_loss(*batch(seed)).mean().backward()
        optimizer.step()
    estimate, reference, _ = batch(1000)
    predicted, true = critic(estimate, reference).detach(), critic.score(estimate, reference)
    correlation = float(torch.corrcoef(torch.stack([predicted, true]))[0, 1])
    assert correlation > 0.8, (predicted, true)


def test_it_begins_late() -> None:
    task, batch = task_with(critic_of(begins=0.5)), noise_batch()
    encode = encode_with(tiny_encoder().eval())
    early = task.loss(encode, batch, 0.49)
    assert "adversarial_loss" not in early.metrics
    waiting = task.critic_loss(never, batch, 0.49)
    assert waiting is not None and waiting.count == 0 and float(waiting.loss.detach()) == 0.0
    assert "adversarial_loss" in task.loss(encode, batch, 0.5).metrics
    own = task.critic_loss(never, batch, 0.5)
    assert own is not None and own.count == 8 and float(own.loss.detach()) > 0.0


def test_without_a_critic() -> None:
    task = task_with(None)
    assert task.critic_loss(never, noise_batch(), 1.0) is None
    assert not list(task.critic_parameters())


def test_the_loss_by_hand() -> None:
    """The weight times the mean over all, to which absent people add nothing."""
    source = torch.tensor([[0, -1]]).expand(4, 2)
    batch, encode = noise_batch(enrollment_source=source), encode_with(tiny_encoder().eval())
    plain = task_with(None).loss(encode, batch, 1.0)
    task = task_with(critic_of(begins=0.0, weight=2.0))
    found = task.loss(encode, batch, 1.0)
    expected = plain.loss + 2.0 * found.metrics["adversarial_loss"] / 2.0
    torch.testing.assert_close(found.loss, expected)
    own = task.critic_loss(never, batch, 1.0)
    assert own is not None and own.count == 4


def test_a_batch_of_absent_people() -> None:
    batch: SceneBatch = noise_batch(enrollment_source=torch.full((4, 2), -1))
    task = task_with(critic_of(begins=0.0))
    output = task.loss(encode_with(tiny_encoder().eval()), batch, 1.0)
    output.loss.backward()
    own = task.critic_loss(never, batch, 1.0)
    assert output.loss.isfinite() and own is not None and own.count == 0
    own.loss.backward()


def test_each_loss_has_gradients_of_its_own_parameters() -> None:
    task = task_with(critic_of(begins=0.0))
    model = JointModel(tiny_encoder(), {"extraction": task})
    batch = [StreamBatch(noise_batch(), ("extraction",))]
    model(batch, 0.5).loss.backward()
    named = dict(model.named_parameters())
    critic = {n for n in named if n.startswith("tasks.extraction.critic.")}
    assert critic and {n for n, p in named.items() if p.grad is None} == critic
    model.zero_grad(set_to_none=True)
    output = model(batch, 0.5)
    output.critic_loss.backward()
    assert {n for n, p in named.items() if p.grad is not None} == critic
    assert output.metrics["extraction/critic_loss"] > 0.0
