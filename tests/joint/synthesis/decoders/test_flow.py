"""Flow matching reaches a planted distribution; steps, seed, guidance and temperature do what they
say."""

import math
from typing import Any

import pytest
import torch
from tiny_models import encoding_of
from torch import Tensor

from joint.conditioning.fusion import FilmFusion
from joint.outputs import SpeakerEncoding
from joint.seeding import seeded
from joint.synthesis.decoders.base import Sampling
from joint.synthesis.decoders.flow import FlowDecoder, without_speaker
from joint.synthesis.mel import MELS

FEATURES, EMBEDDING = 8, 6
TWO = encoding_of(torch.randn(2, EMBEDDING, generator=torch.Generator().manual_seed(1)))
"""Two speakers."""
RAMP = torch.linspace(-1.0, 1.0, MELS)
MEAN = torch.stack([RAMP, 0.5 - RAMP])[:, None]
"""Of each speaker and band."""
DEVIATION = 0.6
LEAST = DEVIATION * math.pi / 2
"""Least loss that any velocity reaches on such a Gaussian: σ² / ((1 - t)² + t² σ²), over t."""


def decoder(kind: type[FlowDecoder] = FlowDecoder, dim: int = 16, **settings: Any) -> FlowDecoder:
    with seeded(0, "flow"):
        fusion = lambda width: FilmFusion(width, EMBEDDING)  # noqa: E731
        return kind(FEATURES, fusion, dim, 1, 2 * dim, time_dim=32, **settings)


def features(frames: int = 20, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Of two rows, and their mask."""
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(2, frames, FEATURES, generator=rng), torch.ones(2, frames, 1)


def planted(rows: int, frames: int) -> tuple[Tensor, Tensor, Tensor, SpeakerEncoding]:
    """Frames of two speakers in turn that follow from nothing else; features; mask; encoding."""
    mean = MEAN.repeat(rows // 2, 1, 1)
    mel = mean + DEVIATION * torch.randn(rows, frames, MELS)
    encoding = encoding_of(TWO.embedding.repeat(rows // 2, 1))
    return mel, torch.randn(rows, frames, FEATURES), torch.ones(rows, frames, 1), encoding


class Exact(FlowDecoder):
    """The velocity of the planted Gaussian in closed form."""

    def velocity(
        self, x: Tensor, moment: Tensor, features: Tensor, mask: Tensor, encoding: SpeakerEncoding
    ) -> Tensor:
        mean, t = MEAN.repeat(len(x) // 2, 1, 1), moment[:, None, None]
        slope = (t * DEVIATION**2 - (1 - t)) / ((1 - t) ** 2 + (t * DEVIATION) ** 2)
        return mean + slope * (x - t * mean)


def test_the_velocity_that_the_loss_asks_for_samples_the_gaussian() -> None:
    torch.manual_seed(0)
    flow = decoder(Exact)
    losses = torch.stack([flow.loss(*planted(64, 20))[0] for _ in range(10)])
    assert float(losses.mean()) == pytest.approx(LEAST, rel=0.03)
    made = flow.sample(*features(2_000), TWO, Sampling(steps=100, temperature=1.0))
    assert (made.mean(dim=1, keepdim=True) - MEAN).abs().max() < 0.06
    assert float(made.std(dim=1).mean()) == pytest.approx(DEVIATION, rel=0.02)


def test_training_reaches_the_gaussian_of_each_speaker() -> None:
    torch.manual_seed(0)
    flow, steps = decoder(dim=128), 200
    optimizer = torch.optim.Adam(flow.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, steps)
    losses = []
    for _ in range(steps):
        loss, _ = flow.loss(*planted(16, 8))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(float(loss.detach()))
    assert LEAST < sum(losses[-20:]) / 20 < 1.3 * LEAST
    with torch.no_grad():
        made = flow.eval().sample(*features(500), TWO, Sampling(steps=40, temperature=1.0))
    assert (made.mean(dim=1, keepdim=True) - MEAN).abs().max() < 0.2
    assert float(made.std(dim=1).mean()) == pytest.approx(DEVIATION, rel=0.25)


def test_steps_seed_and_temperature() -> None:
    flow, calls = decoder(steps=3).eval(), []
    flow.output.register_forward_hook(lambda *_: calls.append(None))
    given = (*features(), TWO)
    first = flow.sample(*given)
    assert len(calls) == 3
    flow.sample(*given, Sampling(steps=7))
    assert len(calls) == 3 + 7
    assert torch.equal(flow.sample(*given, Sampling(seed=0)), first)
    assert not torch.allclose(flow.sample(*given, Sampling(seed=1)), first, atol=0.1)
    assert torch.equal(flow.sample(*given, Sampling(temperature=flow.temperature)), first)
    cold = [flow.sample(*given, Sampling(seed=n, temperature=0.0)) for n in (0, 1)]
    assert torch.equal(*cold)


def test_from_a_rough_spectrogram_on() -> None:
    """The flow begins between noise and it, and goes the rest of the way."""
    flow, moments = decoder(Exact, start=0.6).eval(), []
    flow.velocity = lambda x, t, *_: (moments.append(float(t[0])), torch.ones_like(x))[1]  # type: ignore[method-assign]
    rough = torch.full((2, 20, MELS), 5.0)
    made = flow.sample(*features(), TWO, Sampling(steps=4, temperature=0.0), rough)
    assert moments == pytest.approx([0.6, 0.7, 0.8, 0.9])
    torch.testing.assert_close(made, 0.6 * rough + 0.4)
    hot = flow.sample(*features(), TWO, Sampling(steps=1, temperature=2.0), rough)
    assert float((hot - made).std()) == pytest.approx(0.4 * 2.0, rel=0.05)


class ExactFromRough(FlowDecoder):
    """The velocity from the noise around `ROUGH` to the planted Gaussian in closed form."""

    def velocity(
        self, x: Tensor, moment: Tensor, features: Tensor, mask: Tensor, encoding: SpeakerEncoding
    ) -> Tensor:
        mean, left = MEAN.repeat(len(x) // 2, 1, 1), 1.0 - self.start
        t = ((moment - self.start) / left)[:, None, None]
        first, last = (left * self.temperature) ** 2, DEVIATION**2
        slope = (t * last - (1 - t) * first) / ((1 - t) ** 2 * first + t**2 * last)
        begin = self.start * ROUGH
        return (mean - begin + slope * (x - (1 - t) * begin - t * mean)) / left


ROUGH = 2.0


def test_trained_from_a_rough_spectrogram_it_samples_the_gaussian() -> None:
    torch.manual_seed(0)
    flow = decoder(ExactFromRough, from_rough=True, unconditional=0.0)
    rough = torch.full((64, 20, MELS), ROUGH, requires_grad=True)
    losses = torch.stack([flow.loss(*planted(64, 20), rough=rough)[0] for _ in range(10)])
    least = LEAST * flow.temperature * (1.0 - flow.start)  # in the unit of the spectrogram
    assert float(losses.mean()) == pytest.approx(least, rel=0.03)
    assert not losses.requires_grad  # the rough spectrogram learns by its own loss
    start = torch.full((2, 2_000, MELS), ROUGH)
    made = flow.sample(*features(2_000), TWO, Sampling(steps=100), start)
    assert (made.mean(dim=1, keepdim=True) - MEAN).abs().max() < 0.06
    assert float(made.std(dim=1).mean()) == pytest.approx(DEVIATION, rel=0.03)


def test_training_begins_where_sampling_does(monkeypatch: pytest.MonkeyPatch) -> None:
    flow, begun = decoder(from_rough=True), []
    flow.velocity = lambda x, t, *_: (begun.append((x, t)), torch.zeros_like(x))[1]  # type: ignore[method-assign]
    rough = torch.linspace(-2.0, 2.0, MELS).expand(2, 400, MELS)
    flow.sample(*features(400), TWO, Sampling(steps=1), rough)
    monkeypatch.setattr(torch, "rand", torch.zeros)
    flow.loss(torch.randn(2, 400, MELS), *features(400), TWO, rough=rough)
    (sampled, moment), (learnt, first) = begun
    assert torch.equal(moment, first)
    torch.testing.assert_close(sampled.mean(dim=1), learnt.mean(dim=1), atol=0.05, rtol=0)
    spread = (sampled.std(dim=1) / learnt.std(dim=1)).mean()
    assert float(spread) == pytest.approx(1.0, abs=0.03)


def test_guidance() -> None:
    """1 is none, 0 is nobody's voice, others lie on the line through both."""
    flow, calls = decoder(steps=1).eval(), []
    flow.output.register_forward_hook(lambda *_: calls.append(None))
    given = (*features(), TWO)
    plain = flow.sample(*given)
    assert torch.equal(flow.sample(*given, Sampling(guidance=1.0)), plain)
    assert len(calls) == 2
    nobody = without_speaker(TWO, torch.tensor([True, True]))
    without = flow.sample(*features(), nobody)
    assert not torch.allclose(without, plain, atol=1e-3)
    torch.testing.assert_close(flow.sample(*given, Sampling(guidance=0.0)), without)
    strong = without + 3.0 * (plain - without)
    torch.testing.assert_close(flow.sample(*given, Sampling(guidance=3.0)), strong)
    torch.testing.assert_close(decoder(steps=1, guidance=3.0).eval().sample(*given), strong)


def test_one_row_without_its_speaker() -> None:
    found = without_speaker(TWO, torch.tensor([True, False]))
    assert not found.embedding[0].any() and torch.equal(found.embedding[1], TWO.embedding[1])


def test_the_estimate_is_the_end_of_the_path() -> None:
    """With the true velocity it is the spectrogram but for the noise that is left at the end."""
    torch.manual_seed(0)
    mel, inputs, mask, encoding = planted(4, 6)

    class Known(FlowDecoder):
        def velocity(self, x: Tensor, moment: Tensor, *_: Any) -> Tensor:
            share = moment[:, None, None]
            noise = (x - share * mel) / (1.0 - share * (1.0 - 1e-4))
            return mel - (1.0 - 1e-4) * noise

    mask[0, 4:] = 0.0
    loss, estimate = decoder(Known).loss(mel, inputs, mask, encoding)
    assert float(loss) < 1e-4
    torch.testing.assert_close(estimate, mel * mask, atol=2e-3, rtol=0)
