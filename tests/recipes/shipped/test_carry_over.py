"""Heads that are carried over to another encoder: their first layers read the prediction."""

import numpy as np
import torch
from torch import nn

from joint.conditioning.fusion import FilmFusion
from joint.outputs import SpeakerEncoding
from joint.synthesis.voice import VoiceRange
from recipes.shipped.carry_over import normalised, predict, ridge


def test_ridge_finds_a_planted_map() -> None:
    draw = np.random.default_rng(0)
    weight, bias = draw.standard_normal((6, 6)), draw.standard_normal(6)
    inputs = draw.standard_normal((4000, 6))
    found, offset = ridge(inputs, inputs @ weight.T + bias)
    np.testing.assert_allclose(found, weight, rtol=5e-3, atol=5e-3)
    np.testing.assert_allclose(offset, bias, rtol=5e-3, atol=5e-3)


def test_a_head_reads_the_prediction() -> None:
    """What a fusion makes of the old embedding it makes of the new one, where the old one is a
    linear function of it."""
    torch.manual_seed(0)
    head = nn.ModuleDict({"film": FilmFusion(5, 6), "range": VoiceRange(6)})
    for parameter in head.parameters():
        nn.init.normal_(parameter)
    new = torch.randn(3, 6)
    weight, bias = torch.randn(6, 6), torch.randn(6)
    predicted = torch.from_numpy(normalised(new.numpy())).float() @ weight.T + bias
    features = torch.randn(3, 4, 5)
    film, voice = head["film"], head["range"]
    assert isinstance(film, FilmFusion) and isinstance(voice, VoiceRange)
    assert isinstance(film.norm, nn.LayerNorm)
    # the old embedding's norm has weights of its own, which act on what is predicted
    expected = film.fuse(features, predicted * film.norm.weight + film.norm.bias)
    mean = voice.output(predicted * voice.norm.weight + voice.norm.bias)[:, 0]
    predict(head, weight, bias)
    torch.testing.assert_close(film(features, SpeakerEncoding(new)), expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(
        voice.predicted(SpeakerEncoding(new)).mean, mean, rtol=1e-4, atol=1e-4
    )
