"""The additive angular margin: speechbrain's loss, a finite gradient, a schedule, sub-centres."""

import pytest
import torch
import torch.nn.functional as F
from speechbrain.nnet.losses import AdditiveAngularMargin, LogSoftmaxWrapper

from joint.losses.margin import AamSoftmax


def criterion(margin: float = 0.2, scale: float = 32.0, **other: float) -> AamSoftmax:
    torch.manual_seed(0)
    return AamSoftmax(16, 7, margin, scale, **other)  # type: ignore[arg-type]


@pytest.mark.parametrize("margin, scale", [(0.2, 32.0), (0.5, 30.0), (0.0, 1.0)])
def test_equals_speechbrain(margin: float, scale: float) -> None:
    ours = criterion(margin, scale)
    speaker = torch.arange(60) % 7
    away = torch.linspace(-1, 1, 60)[:, None]  # targets at every angle, also beyond π − margin
    embedding = away * F.normalize(ours.weight.detach())[speaker] + 0.05 * torch.randn(60, 16)
    theirs = LogSoftmaxWrapper(AdditiveAngularMargin(margin, scale))
    cosine = ours.cosines(embedding)
    expected = theirs(cosine.unsqueeze(1), speaker.unsqueeze(1))
    assert cosine.gather(1, speaker[:, None]).min() < -0.9
    torch.testing.assert_close(ours(embedding, speaker), expected, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_gradient_is_finite_at_either_end(sign: float) -> None:
    ours = criterion(0.5)
    embedding = (sign * ours.weight.detach()).requires_grad_()
    ours(embedding, torch.arange(7)).backward()
    assert embedding.grad is not None and embedding.grad.isfinite().all()
    assert ours.weight.grad is not None and ours.weight.grad.isfinite().all()


def test_margin_makes_it_harder() -> None:
    ours = criterion()
    embedding, speaker = torch.randn(20, 16), torch.arange(20) % 7
    losses = [
        float(ours(embedding, speaker, progress).detach()) for progress in (0.0, 0.2, 0.3, 1.0)
    ]
    assert losses == sorted(losses) and losses[0] < losses[-1]
    plain = F.cross_entropy(32.0 * ours.cosines(embedding), speaker)
    assert losses[0] == pytest.approx(float(plain.detach()), rel=1e-5)


@pytest.mark.parametrize(
    "progress, share", [(0.0, 0.0), (0.1, 0.0), (0.25, 0.5), (0.4, 1.0), (0.9, 1.0)]
)
def test_margin_rises(progress: float, share: float) -> None:
    assert criterion().margin_at(progress) == pytest.approx(0.2 * share)


def test_no_warm_up() -> None:
    assert criterion(warmup_start=0.0, warmup_end=0.0).margin_at(0.01) == pytest.approx(0.2)


def test_the_nearest_of_several_centres_counts() -> None:
    ours = AamSoftmax(16, 7, subcenters=3)
    embedding = torch.randn(5, 16)
    every = F.normalize(embedding) @ F.normalize(ours.weight).T
    torch.testing.assert_close(ours.cosines(embedding), every.view(5, 7, 3).amax(2))
    ours(embedding, torch.arange(5)).backward()
    assert ours.weight.grad is not None
    touched = ours.weight.grad.abs().sum(1).view(7, 3) > 0
    nearest = F.one_hot(every.view(5, 7, 3).argmax(2), 3).amax(0).bool()
    assert torch.equal(touched, nearest)


def test_computed_in_float32_under_autocast() -> None:
    ours, embedding, speaker = criterion(), torch.randn(5, 16), torch.arange(5)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(ours(embedding, speaker), criterion()(embedding, speaker))
    assert ours(embedding.bfloat16(), speaker).dtype == torch.float32
