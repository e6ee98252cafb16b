"""VocoderTask: which losses, which parameters, copy synthesis, figures."""

import copy

import pytest
import torch
import torch.nn.functional as F
from tiny_vocoder import batch_of, vocoder_model, vocoder_task
from torch import Tensor

from joint.model import StreamBatch
from joint.outputs import SpeakerEncoding
from joint.synthesis.adversarial.discriminators import Discriminators
from joint.synthesis.vocoders.griffin_lim import GriffinLim
from tasks.vocoder.task import VocoderTask

SPECTRAL = {"mel_error", "spectral_loss"}
ADVERSARIAL = {"adversarial_loss", "feature_loss"}


def never(audio: Tensor, lengths: Tensor, role: str) -> SpeakerEncoding:
    """An encoder that must not be asked."""
    raise AssertionError(role)


def test_discriminators_begin_late(recordings: Tensor) -> None:
    task, batch = vocoder_task(discriminators_from=0.5), batch_of(recordings)
    early = task.loss(never, batch, 0.49)
    assert early.metrics.keys() == SPECTRAL and early.count == 4
    waiting = task.critic_loss(never, batch, 0.49)
    assert waiting is not None and float(waiting.loss.detach()) == 0.0 and waiting.count == 0
    late = task.loss(never, batch, 0.5)
    assert late.metrics.keys() == SPECTRAL | ADVERSARIAL
    critic = task.critic_loss(never, batch, 0.5)
    assert critic is not None and float(critic.loss.detach()) > 0.0 and critic.count == 4


def test_the_loss_is_the_weighted_sum(recordings: Tensor) -> None:
    task = vocoder_task(0.0)
    found = task.loss(never, batch_of(recordings), 0.5)
    weights = {"mel_error": 15.0, "spectral_loss": 1.0, "adversarial_loss": 1.0, "feature_loss": 2}
    expected = sum(weight * found.metrics[name] for name, weight in weights.items())
    torch.testing.assert_close(found.loss, expected)


def test_without_discriminators(recordings: Tensor) -> None:
    task = VocoderTask(vocoder_task().vocoder)
    assert task.loss(never, batch_of(recordings), 1.0).metrics.keys() == SPECTRAL
    assert task.critic_loss(never, batch_of(recordings), 1.0) is None
    assert not list(task.critic_parameters())


def test_each_loss_has_gradients_of_its_own_parameters(recordings: Tensor) -> None:
    model, batch = vocoder_model(), [StreamBatch(batch_of(recordings), ("vocoder",))]
    model(batch, 0.5).loss.backward()
    named = dict(model.named_parameters())
    moved = {n for n, p in named.items() if p.grad is not None and bool(p.grad.any())}
    assert moved == {n for n in named if n.startswith("tasks.vocoder.vocoder.")}
    model.zero_grad()
    model(batch, 0.5).critic_loss.backward()
    moved = {n for n, p in named.items() if p.grad is not None}
    assert moved == {n for n in named if n.startswith("tasks.vocoder.discriminators.")}


def test_the_critic_judges_the_waveforms_of_the_loss(recordings: Tensor) -> None:
    """The same cut of the same waveforms: nothing is made twice."""
    task, batch, seen = vocoder_task(0.0), batch_of(recordings), []
    assert task.discriminators is not None
    task.discriminators.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    task.loss(never, batch, 1.0)
    task.critic_loss(never, batch, 1.0)
    real, made, real_again, made_again = seen
    assert torch.equal(real, real_again) and torch.equal(made, made_again)
    assert real.shape == (4, 3_200) and made.requires_grad and not made_again.requires_grad
    places = recordings.unfold(1, 3_200, 1) == real[:, None]
    assert places.all(dim=2).any(dim=1).all()


@pytest.mark.parametrize("samples", [7_200, 7_199, 7_001, 4_800])
def test_copy_synthesis_is_as_long_as_the_recording(recordings: Tensor, samples: int) -> None:
    task, recording = vocoder_task().eval(), recordings[0, :samples]
    found = task.infer(never, recording)
    assert found.shape == (samples,)
    padded = F.pad(recording, (0, 7_200 - samples))[None] if samples > 7_000 else recording[None]
    expected = task.vocoder.speak(task.vocoder.mel(padded))[0, :samples]
    torch.testing.assert_close(found, expected)


def test_griffin_lim_in_place_of_a_network(recordings: Tensor) -> None:
    task = VocoderTask(GriffinLim(32))
    figures = task.validate(never, [batch_of(recordings)])
    assert figures["mel_error"] < 0.2
    assert task.infer(never, recordings[0]).shape == (7_200,)


@torch.no_grad()
def test_validation_is_the_mean_over_batches(recordings: Tensor) -> None:
    task = vocoder_task().eval()
    halves = [batch_of(recordings[:2]), batch_of(recordings[2:])]
    whole = task.validate(never, [batch_of(recordings)])
    assert whole.keys() == SPECTRAL
    found = task.validate(never, halves)
    for name, value in whole.items():
        assert found[name] == pytest.approx(value, rel=1e-4)


def test_hifigan_trains_in_the_task(recordings: Tensor) -> None:
    """One step of the published size: every parameter has a gradient and moves."""
    pytest.importorskip("espnet2", reason="pip install --no-deps espnet==202511")
    from joint.synthesis.vocoders.hifigan import HifiGan

    torch.manual_seed(0)
    task = VocoderTask(HifiGan(), Discriminators((2,), (4, 8), (256,), 4), 0.0, judged=0.05)
    model = vocoder_model(task)
    before = copy.deepcopy(model.state_dict())
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4)
    output = model([StreamBatch(batch_of(recordings[:1, :1_600]), ("vocoder",))], 0.5)
    output.total.backward()
    optimizer.step()
    assert output.total.isfinite()
    stayed = {n for n, v in model.state_dict().items() if torch.equal(v, before[n])}
    assert not {n for n in stayed if n.startswith("tasks.")}
    assert {n for n in before if n.startswith("encoder.")} <= stayed
