"""What is made of a pretrained network's layers, and what stands behind it."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from joint.encoders.frames import Frames
from joint.encoders.frontends.ssl.layers import (
    InterLayerAdapter,
    KeysAndValues,
    LayerAdapters,
    LayerUse,
    OneLayer,
    WeightedSum,
)
from joint.encoders.pooling.factorised import FactorisedPooling
from joint.errors import ConfigError

WIDTH, COUNT = 6, 4


@pytest.fixture
def outputs() -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(2, 5, WIDTH, generator=generator) for _ in range(COUNT)]


def one_hot(place: int) -> Tensor:
    scores = torch.full((COUNT,), float("-inf"))
    scores[place] = 0.0
    return scores


@pytest.mark.parametrize("place", range(COUNT))
def test_one_hot_weights_give_that_layer(outputs: list[Tensor], place: int) -> None:
    summed, both = WeightedSum(WIDTH, COUNT), KeysAndValues(WIDTH, COUNT)
    with torch.no_grad():
        summed.scores.copy_(one_hot(place))
        both.values.copy_(one_hot(place))
        both.keys.copy_(one_hot(0))
    assert torch.equal(summed(outputs), outputs[place])
    keys, values = both(outputs).chunk(2, dim=-1)
    assert torch.equal(keys, outputs[0]) and torch.equal(values, outputs[place])
    assert torch.equal(OneLayer(WIDTH, COUNT, f"frontend_layer{place}")(outputs), outputs[place])
    assert both.shares()["values"].argmax() == summed.shares()["weight"].argmax() == place


def test_equal_weights_give_the_mean(outputs: list[Tensor]) -> None:
    mean = torch.stack(outputs).mean(dim=0)
    torch.testing.assert_close(WeightedSum(WIDTH, COUNT)(outputs), mean)
    assert torch.equal(OneLayer(WIDTH, COUNT)(outputs), outputs[-1])


def test_the_sum_normalised_over_time(outputs: list[Tensor]) -> None:
    """As torch's instance norm of each recording's own frames, whatever stands in the others."""
    summed = WeightedSum(WIDTH, COUNT, norm=True)
    mean = torch.stack(outputs).mean(dim=0)
    whole = F.instance_norm(mean.transpose(1, 2)).transpose(1, 2)
    torch.testing.assert_close(summed(outputs), whole)
    mask = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    for x in outputs:
        x[1, 3:] = 7.0
    found = summed(outputs, mask)
    torch.testing.assert_close(found[0], whole[0])
    alone = F.instance_norm(mean[1:, :3].transpose(1, 2)).transpose(1, 2)
    torch.testing.assert_close(found[1:, :3], alone)


@pytest.mark.parametrize("use", [InterLayerAdapter, LayerAdapters])
def test_adapters_between_layers_read_all_of_them(
    outputs: list[Tensor], use: type[LayerUse]
) -> None:
    made = use(WIDTH, COUNT, 3)  # type: ignore[call-arg]
    found = made(outputs)
    assert found.shape == (2, 5, made.output_dim)
    assert made.output_dim == (3 * COUNT if use is LayerAdapters else 3)
    for place in range(COUNT):
        changed = [x + 1.0 if i == place else x for i, x in enumerate(outputs)]
        moved = (made(changed) - found).abs().amax(dim=(0, 1)) > 1e-6
        if use is LayerAdapters:  # each layer has its own channels
            own = torch.zeros(3 * COUNT, dtype=torch.bool)
            own[3 * place : 3 * place + 3] = True
            assert bool(moved.any()) and not bool((moved & ~own).any())
        else:
            assert bool(moved.any())


def test_factorised_pooling(outputs: list[Tensor]) -> None:
    """A head whose attention finds one frame gives that frame's values."""
    torch.manual_seed(0)
    pooling = FactorisedPooling(2 * WIDTH, heads=3, channels=4)
    features = torch.cat([outputs[0], outputs[1]], dim=-1)
    mask = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    found = pooling(Frames(features, mask))
    assert found.shape == (2, pooling.output_dim) == (2, 12)
    torch.testing.assert_close(found[1:], pooling(Frames(features[1:, :3], None)))
    with torch.no_grad():
        pooling.attention.weight.mul_(1e4)
        pooling.attention.bias.zero_()
    sharp = pooling(Frames(features, None)).unflatten(1, (3, 4))
    best = pooling.attention(pooling.keys(outputs[0])).argmax(dim=1)
    values = pooling.values(outputs[1])
    for row in range(2):
        for head in range(3):
            torch.testing.assert_close(sharp[row, head], values[row, best[row, head]])


def test_refused() -> None:
    with pytest.raises(ConfigError, match="'frontend_layer9'; expected frontend_layer0 to fronten"):
        OneLayer(WIDTH, COUNT, "frontend_layer9")
    with pytest.raises(ConfigError, match="keys and values"):
        FactorisedPooling(7)
