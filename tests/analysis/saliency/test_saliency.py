"""Maps point at what a model looks at, and curves tell a good map from chance."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from analysis.saliency.cells import BANDS, HOP, Cells, band_of_bins
from analysis.saliency.maps import CELLS, METHODS, activation
from analysis.saliency.phones import salience_of_phones
from analysis.saliency.trust import curves
from joint.data.phones import PhoneIntervals
from joint.encoders.backbones.residual.resnet import ResNet18
from joint.encoders.backbones.tdnn import XvectorTdnn
from joint.encoders.encoder import SpeakerEncoder
from joint.encoders.frames import Frames
from joint.encoders.frontends.filterbank import Filterbank
from joint.encoders.pooling.statistics import StatisticsPooling
from joint.errors import DataError

LOW, HIGH = 30, 50
"""The planted band, in filterbank bins of 80."""


class Band(nn.Module):
    """A backbone that looks at some bins alone."""

    output_dim = HIGH - LOW

    def forward(self, frames: Frames) -> tuple[Frames, dict[str, Frames]]:
        """The bins, and themselves as a layer with bands."""
        whole = torch.zeros_like(frames.features)
        whole[..., LOW:HIGH] = frames.features[..., LOW:HIGH].exp()
        image = whole.transpose(1, 2).unsqueeze(1)
        seen = image[:, 0, LOW:HIGH].transpose(1, 2)
        return frames.with_features(seen), {"band": Frames(whole, frames.mask, 1, image)}


class Mean(nn.Module):
    """The mean over time."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.output_dim = width

    def forward(self, frames: Frames) -> Tensor:
        """`(B, F, D)` → `(B, D)`."""
        return frames.features.mean(dim=1)


def loudness(encoder: SpeakerEncoder, recordings: Tensor) -> Tensor:
    """A score that rises with the energy in the band."""
    return encoder(recordings).embedding.sum(dim=1)


@pytest.fixture(scope="module")
def looks_at_band() -> SpeakerEncoder:
    encoder = SpeakerEncoder(
        Filterbank(80, normalize="level"), Band(), Mean, embedding_dim=4, norm=False
    )
    with torch.no_grad():
        encoder.projection.weight.fill_(1e-2)
        encoder.projection.bias.zero_()
    return encoder.eval()


@pytest.fixture(scope="module")
def cells() -> Cells:
    return Cells.of(0.1 * torch.randn(16_000, generator=torch.Generator().manual_seed(0)))


def inside() -> slice:
    """The cells' bands within the planted one: both axes are mel."""
    top = np.log1p(8000 / 700)
    bottom = np.log1p(20 / 700)
    edges = [bottom + (top - bottom) * b / 80 for b in (LOW, HIGH)]
    return slice(round(edges[0] / top * BANDS) - 1, round(edges[1] / top * BANDS) + 1)


def test_cells_give_the_recording_back(cells: Cells) -> None:
    whole = cells.heard(torch.ones(cells.shape))
    again = Cells.of(whole)
    torch.testing.assert_close(again.heard(torch.ones(again.shape)), whole, atol=1e-5, rtol=1e-4)
    half = torch.ones(cells.shape)
    half[: BANDS // 2] = 0.0
    level = Cells.of(cells.heard(half)).level_db() - cells.level_db()
    assert level[2 : BANDS // 2 - 2].mean() < -15 and abs(level[BANDS // 2 + 2 :].mean()) < 0.5
    assert (band_of_bins().diff() >= 0).all() and len(band_of_bins().unique()) == BANDS


def test_layers_are_spread_in_time(cells: Cells) -> None:
    frames = torch.arange(12.0)[None]
    at = cells.spread(frames, hop=4 * HOP, offset=200)
    centre = (torch.arange(cells.shape[1]) * HOP - 200) / (4 * HOP)
    torch.testing.assert_close(at[0], centre.clamp(0, 11))
    assert at.shape == cells.shape


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("layer", ["band", CELLS])
def test_maps_point_at_the_planted_band(
    looks_at_band: SpeakerEncoder, cells: Cells, method: str, layer: str
) -> None:
    if layer == CELLS and method == "score-cam":
        pytest.skip("one channel of ones: nothing to weigh")
    score = partial(loudness, looks_at_band)
    at = activation(looks_at_band, cells, score, layer)
    salience = METHODS[method](at, cells, score)
    assert salience.shape == cells.shape and float(salience.min()) >= 0
    share = float(salience[inside()].sum() / salience.sum())
    if method == "grad-cam++" and layer == CELLS:
        assert share == pytest.approx((inside().stop - inside().start) / BANDS, abs=0.01)
    else:
        assert share > 0.8, share


def test_deletion_falls_faster_than_random(looks_at_band: SpeakerEncoder, cells: Cells) -> None:
    score = partial(loudness, looks_at_band)
    at = activation(looks_at_band, cells, score, CELLS)
    good = curves(METHODS["layer-cam"](at, cells, score), cells, score)
    assert good.deletion_gain > 0 and good.insertion_gain > 0
    assert good.deletion[5] < good.random_deletion[5]
    wrong = torch.ones(cells.shape)
    wrong[inside()] = 0.0
    assert curves(wrong, cells, score).deletion_gain < 0


@pytest.mark.parametrize(
    "make, layer, bands",
    [(lambda: ResNet18(channels=4), "stage2", 40), (lambda: XvectorTdnn(80, 16, 24), "tdnn2", 1)],
)
def test_real_encoders_have_maps(make, layer: str, bands: int, cells: Cells) -> None:  # type: ignore[no-untyped-def]
    torch.manual_seed(0)
    encoder = SpeakerEncoder(Filterbank(80), make(), StatisticsPooling, embedding_dim=8).eval()
    other = torch.randn(8)

    def score(recordings: Tensor) -> Tensor:
        return torch.cosine_similarity(encoder(recordings).embedding, other[None])

    at = activation(encoder, cells, score, layer)
    assert at.values.shape[1] == bands and float(at.gradient.abs().max()) > 0
    for method in METHODS.values():
        salience = method(at, cells, score)
        assert salience.shape == cells.shape and bool(salience.isfinite().all())
    with pytest.raises(DataError, match=r"cells or .*" + layer):
        activation(encoder, cells, score, "stage9")


def test_phones_are_ranked() -> None:
    salience = np.ones((BANDS, 100))
    salience[:, 40:60] = 5.0
    ends = np.array([40, 60, 100]) * HOP
    intervals = PhoneIntervals(np.array([0, 2, 1], dtype=np.int16), ends)
    ranked = salience_of_phones([(salience, intervals)], ("SIL", "AA", "B"))
    assert next(iter(ranked)) == "B" and ranked["B"] == pytest.approx(5 / 1.8)
