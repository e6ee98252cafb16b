"""Regression takes the L1 distance of the frames that count; padding changes no row of any
decoder."""

from functools import partial
from typing import Any

import pytest
import torch
from tiny_models import encoding_of
from torch import Tensor

from joint.conditioning.fusion import FilmFusion
from joint.seeding import seeded
from joint.synthesis.decoders.base import MelDecoder, Sampling, masked_mean, noise_like
from joint.synthesis.decoders.flow import FlowDecoder
from joint.synthesis.decoders.regression import RegressionDecoder
from joint.synthesis.mel import MELS

FEATURES, EMBEDDING = 8, 6
DECODERS: dict[str, Any] = {
    "flow": partial(FlowDecoder, dim=16, blocks=2, hidden=32, time_dim=8, steps=3, guidance=1.5),
    "regression": partial(RegressionDecoder, dim=16, blocks=2, hidden=32),
}


def made(name: str) -> MelDecoder:
    with seeded(0, name):
        decoder: MelDecoder = DECODERS[name](FEATURES, lambda width: FilmFusion(width, EMBEDDING))
        return decoder.eval()


def batch() -> tuple[Tensor, Tensor, Tensor]:
    """Spectrograms, features and mask of three rows, of 30, 12 and 1 frames; what lies behind the
    ends is not zero."""
    rng = torch.Generator().manual_seed(0)
    mask = (torch.arange(30) < torch.tensor([[30], [12], [1]]))[..., None].float()
    return (
        torch.randn(3, 30, MELS, generator=rng),
        torch.randn(3, 30, FEATURES, generator=rng),
        mask,
    )


ENCODING = encoding_of(torch.randn(3, EMBEDDING, generator=torch.Generator().manual_seed(1)))


def test_l1_of_the_frames_that_count() -> None:
    decoder = made("regression")
    mel, features, mask = batch()
    loss, estimate = decoder.loss(mel, features, mask, ENCODING)
    assert torch.equal(estimate, decoder.sample(features, mask, ENCODING))
    own = mask[..., 0].bool()
    torch.testing.assert_close(loss, (estimate[own] - mel[own]).abs().mean())
    mel[~own] += 100.0
    assert torch.equal(decoder.loss(mel, features, mask, ENCODING)[0], loss)
    loss.backward()
    assert decoder.output.weight.grad.abs().sum() > 0  # type: ignore[union-attr]


@pytest.mark.parametrize("name", DECODERS)
def test_padding_changes_no_row(name: str) -> None:
    decoder = made(name)
    _, features, mask = batch()
    together = decoder.sample(features, mask, ENCODING, Sampling(seed=3))
    for row, count in enumerate((30, 12, 1)):
        alone = decoder.sample(
            features[row : row + 1, :count],
            mask[row : row + 1, :count],
            encoding_of(ENCODING.embedding[row : row + 1]),
            Sampling(seed=3),
        )
        torch.testing.assert_close(together[row, :count], alone[0], atol=1e-5, rtol=1e-5)
        assert not together[row, count:].any()


def test_noise_and_means() -> None:
    mel, features, mask = batch()
    noise = noise_like(features, MELS, seed=2)
    assert torch.equal(noise[0], noise[1])
    assert torch.equal(noise_like(features[:, :7], MELS, seed=2), noise[:, :7])
    assert not torch.equal(noise_like(features, MELS, seed=3), noise)
    assert float(noise.std()) == pytest.approx(1.0, rel=0.05)
    torch.testing.assert_close(masked_mean(mel, mask), mel[mask[..., 0].bool()].mean())
    assert float(masked_mean(mel, torch.zeros_like(mask))) == 0.0
