"""Heads that are carried over to another encoder: their first layers read the prediction."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from joint.conditioning.frame_fusion import CrossAttentionFusion
from joint.conditioning.fusion import ConcatFusion, FilmFusion
from joint.errors import ConfigError
from joint.outputs import SpeakerEncoding
from joint.synthesis.voice import VoiceRange
from recipes.shipped.carry_over import Pairs, Prediction, normalised, predict, ridge


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
    new = torch.randn(3, 4)
    # of another width than the old one
    weight, bias = torch.randn(6, 4), torch.randn(6)
    predicted = torch.from_numpy(normalised(new.numpy())).float() @ weight.T + bias
    features = torch.randn(3, 4, 5)
    film, voice = head["film"], head["range"]
    assert isinstance(film, FilmFusion) and isinstance(voice, VoiceRange)
    assert isinstance(film.norm, nn.LayerNorm)
    # the old embedding's norm has weights of its own, which act on what is predicted
    expected = film.fuse(features, predicted * film.norm.weight + film.norm.bias)
    mean = voice.output(predicted * voice.norm.weight + voice.norm.bias)[:, 0]
    predict(head, Prediction(weight, bias), Prediction(torch.eye(2), torch.zeros(2)))
    torch.testing.assert_close(film(features, SpeakerEncoding(new)), expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(
        voice.predicted(SpeakerEncoding(new)).mean, mean, rtol=1e-4, atol=1e-4
    )


def test_attention_reads_predicted_frames() -> None:
    """Attention to the new encoder's frames is what it was to the old one's, where these are a
    linear function of them."""
    torch.manual_seed(1)
    head = CrossAttentionFusion(feature_dim=4, embedding_dim=6, frame_dim=5, heads=2)
    for parameter in head.parameters():
        nn.init.normal_(parameter)
    speaker, frames = torch.randn(2, 3), torch.randn(2, 7, 4)
    mask = torch.tensor([7 * [True], 5 * [True] + 2 * [False]])
    embedding = Prediction(torch.randn(6, 3), torch.randn(6))
    of_frames = Prediction(torch.randn(5, 4), torch.randn(5))

    def old(vectors: Tensor, prediction: Prediction) -> Tensor:
        rows = torch.from_numpy(normalised(vectors.flatten(0, -2).numpy())).float()
        return (rows @ prediction.weight.T + prediction.bias).view(*vectors.shape[:-1], -1)

    # the old layer normalisations leave what is predicted as it is, save for their weights
    kept = head.norm, head.frame_norm
    head.norm, head.frame_norm = Weights(kept[0]), Weights(kept[1])
    features = torch.randn(2, 6, 4)
    before = SpeakerEncoding(
        old(speaker, embedding), frames=old(frames, of_frames).transpose(1, 2), frame_mask=mask
    )
    expected = head(features, before)
    head.norm, head.frame_norm = kept
    predict(head, embedding, of_frames)
    found = head(features, SpeakerEncoding(speaker, frames=frames.transpose(1, 2), frame_mask=mask))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


class Weights(nn.LayerNorm):
    """The weights of a layer normalisation, without the normalisation."""

    def __init__(self, norm: nn.LayerNorm) -> None:
        super().__init__(norm.normalized_shape[0])
        self.weight, self.bias = norm.weight, norm.bias

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return x * self.weight + self.bias


def test_what_cannot_be_carried_over_is_refused() -> None:
    anything = Prediction(torch.eye(6), torch.zeros(6))
    with pytest.raises(ConfigError, match="block2"):
        predict(CrossAttentionFusion(4, 6, 5, 2, layer="block2"), anything, anything)
    with pytest.raises(ConfigError, match="ConcatFusion"):
        predict(ConcatFusion(4, 6), anything, anything)


def test_the_residual_is_that_of_speakers_not_fitted() -> None:
    """A speaker who is predicted otherwise than the others counts in the figures where the fit did
    without them."""
    draw = np.random.default_rng(2)
    pairs = Pairs()
    inputs = draw.standard_normal((900, 6))
    targets = inputs @ draw.standard_normal((6, 6))
    targets[:100] = draw.standard_normal((100, 6))
    pairs.add(inputs, targets, [f"{place // 100}" for place in range(900)])
    odd_speaker = pairs.fitted()[1]["explained_variance"]
    clean = Pairs()
    clean.add(inputs[100:], targets[100:], [f"{place // 100}" for place in range(100, 900)])
    assert clean.fitted()[1]["explained_variance"] > 0.6 > 0.3 > odd_speaker
