"""Relative attention equals its formula (Dai et al., ACL 2019, eq. 5), pair by pair."""

import math

import pytest
import torch
from torch import Tensor, nn

from joint.encoders.backbones.conformer import MfaConformer, RelativeAttention, relative_positions
from joint.errors import ConfigError


def sinusoid(distance: int, width: int) -> Tensor:
    values = []
    for i in range(0, width, 2):
        angle = distance / 10_000 ** (i / width)
        values += [math.sin(angle), math.cos(angle)]
    return torch.tensor(values)


def pair_by_pair(layer: RelativeAttention, x: Tensor) -> Tensor:
    """Attention of one recording `(F, N)`."""
    frames, width = x.shape
    size = width // layer.heads
    query, key, value = layer.query(x), layer.key(x), layer.value(x)
    outputs = []
    for h in range(layer.heads):
        own = slice(h * size, (h + 1) * size)
        scores = torch.empty(frames, frames)
        for i in range(frames):
            for j in range(frames):
                place = layer.position(sinusoid(i - j, width))[own]
                content = (query[i, own] + layer.content_bias[h]) @ key[j, own]
                where = (query[i, own] + layer.position_bias[h]) @ place
                scores[i, j] = (content + where) / math.sqrt(size)
        outputs.append(torch.softmax(scores, dim=1) @ value[:, own])
    merged: Tensor = layer.merge(torch.cat(outputs, dim=1))
    return merged


def test_attention_equals_its_formula() -> None:
    torch.manual_seed(0)
    layer = RelativeAttention(12, 3, dropout=0.0)
    nn.init.normal_(layer.content_bias)
    nn.init.normal_(layer.position_bias)
    x = torch.randn(2, 7, 12)
    with torch.no_grad():
        found = layer(x, relative_positions(7, 12, x), None)
        for i in range(2):
            torch.testing.assert_close(found[i], pair_by_pair(layer, x[i]), atol=1e-5, rtol=1e-5)


def test_heads_must_divide_the_features() -> None:
    with pytest.raises(ConfigError, match="heads: found 5; expected a divisor of 64 features"):
        MfaConformer(width=64, heads=5)


def test_length_scaled_attention() -> None:
    """Scores are multiplied by log F / log T, of each recording's own frames; where F is T nothing
    changes."""
    torch.manual_seed(0)
    plain, scaled = (RelativeAttention(12, 3, 0.0, frames) for frames in (None, 9))
    nn.init.normal_(plain.content_bias)
    nn.init.normal_(plain.position_bias)
    scaled.load_state_dict(plain.state_dict())
    x = torch.randn(2, 9, 12)
    mask = torch.arange(9) < torch.tensor([9, 4])[:, None]
    sharper = RelativeAttention(12, 3, 0.0)
    sharper.load_state_dict(plain.state_dict())
    ratio = math.log(4) / math.log(9)
    with torch.no_grad():
        for part in (sharper.query.weight, sharper.query.bias):
            part.mul_(ratio)
        sharper.content_bias.mul_(ratio)
        sharper.position_bias.mul_(ratio)
        found = scaled(x, relative_positions(9, 12, x), mask)
        torch.testing.assert_close(found[0], plain(x[:1], relative_positions(9, 12, x), None)[0])
        short = x[1:, :4]
        alone = sharper(short, relative_positions(4, 12, x), None)
        torch.testing.assert_close(found[1, :4], alone[0])
        torch.testing.assert_close(scaled(short, relative_positions(4, 12, x), None), alone)
    with pytest.raises(ConfigError, match="training_frames: found 1; expected 2 or more"):
        MfaConformer(training_frames=1)
