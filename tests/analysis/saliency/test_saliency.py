"""Maps point at the band that a model depends on, and curves tell a good map from chance."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from analysis.saliency.deletion import deletion_curves
from analysis.saliency.maps import METHODS, SPECTROGRAM, activation
from analysis.saliency.phones import phone_salience
from analysis.saliency.spectrogram import BANDS, HOP, MaskableSpectrogram, band_of_bins
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
        return frames.with_features(seen), {"band": frames.strided(whole, frames.mask, 1, image)}


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
def spectrogram() -> MaskableSpectrogram:
    return MaskableSpectrogram.of(
        0.1 * torch.randn(16_000, generator=torch.Generator().manual_seed(0))
    )


def inside() -> slice:
    """The cells' bands within the planted one: both axes are mel."""
    top = np.log1p(8000 / 700)
    bottom = np.log1p(20 / 700)
    edges = [bottom + (top - bottom) * b / 80 for b in (LOW, HIGH)]
    return slice(round(edges[0] / top * BANDS) - 1, round(edges[1] / top * BANDS) + 1)


def test_the_spectrogram_gives_the_recording_back(spectrogram: MaskableSpectrogram) -> None:
    whole = spectrogram.masked(torch.ones(spectrogram.shape))
    again = MaskableSpectrogram.of(whole)
    torch.testing.assert_close(again.masked(torch.ones(again.shape)), whole, atol=1e-5, rtol=1e-4)
    half = torch.ones(spectrogram.shape)
    half[: BANDS // 2] = 0.0
    level = MaskableSpectrogram.of(spectrogram.masked(half)).level_db() - spectrogram.level_db()
    assert level[2 : BANDS // 2 - 2].mean() < -15 and abs(level[BANDS // 2 + 2 :].mean()) < 0.5
    assert (band_of_bins().diff() >= 0).all() and len(band_of_bins().unique()) == BANDS


def test_layers_are_spread_in_time(spectrogram: MaskableSpectrogram) -> None:
    frames = torch.arange(12.0)[None]
    at = spectrogram.interpolated(frames, hop=4 * HOP, offset=200)
    centre = (torch.arange(spectrogram.shape[1]) * HOP - 200) / (4 * HOP)
    torch.testing.assert_close(at[0], centre.clamp(0, 11))
    assert at.shape == spectrogram.shape


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("layer", ["band", SPECTROGRAM])
def test_maps_point_at_the_planted_band(
    looks_at_band: SpeakerEncoder, spectrogram: MaskableSpectrogram, method: str, layer: str
) -> None:
    if layer == SPECTROGRAM and method == "score-cam":
        pytest.skip("one channel of ones: nothing to weigh")
    score = partial(loudness, looks_at_band)
    at = activation(looks_at_band, spectrogram, score, layer)
    salience = METHODS[method](at, spectrogram, score)
    assert salience.shape == spectrogram.shape and float(salience.min()) >= 0
    share = float(salience[inside()].sum() / salience.sum())
    if method == "grad-cam++" and layer == SPECTROGRAM:
        assert share == pytest.approx((inside().stop - inside().start) / BANDS, abs=0.01)
    else:
        assert share > 0.8, share


def test_deletion_falls_faster_than_random(
    looks_at_band: SpeakerEncoder, spectrogram: MaskableSpectrogram
) -> None:
    score = partial(loudness, looks_at_band)
    at = activation(looks_at_band, spectrogram, score, SPECTROGRAM)
    good = deletion_curves(METHODS["layer-cam"](at, spectrogram, score), spectrogram, score)
    assert good.deletion_gain > 0 and good.insertion_gain > 0
    assert good.deletion[5] < good.random_deletion[5]
    wrong = torch.ones(spectrogram.shape)
    wrong[inside()] = 0.0
    assert deletion_curves(wrong, spectrogram, score).deletion_gain < 0


@pytest.mark.parametrize(
    "make, layer, bands",
    [(lambda: ResNet18(channels=4), "stage2", 40), (lambda: XvectorTdnn(80, 16, 24), "tdnn2", 1)],
)
def test_real_encoders_have_maps(
    make, layer: str, bands: int, spectrogram: MaskableSpectrogram
) -> None:  # type: ignore[no-untyped-def]
    torch.manual_seed(0)
    encoder = SpeakerEncoder(Filterbank(80), make(), StatisticsPooling, embedding_dim=8).eval()
    other = torch.randn(8)

    def score(recordings: Tensor) -> Tensor:
        return torch.cosine_similarity(encoder(recordings).embedding, other[None])

    at = activation(encoder, spectrogram, score, layer)
    assert at.values.shape[1] == bands and float(at.gradient.abs().max()) > 0
    for method in METHODS.values():
        salience = method(at, spectrogram, score)
        assert salience.shape == spectrogram.shape and bool(salience.isfinite().all())
    with pytest.raises(DataError, match=r"spectrogram or .*" + layer):
        activation(encoder, spectrogram, score, "stage9")


def test_phones_are_ranked() -> None:
    salience = np.ones((BANDS, 100))
    salience[:, 40:60] = 5.0
    ends = np.array([40, 60, 100]) * HOP
    intervals = PhoneIntervals(np.array([0, 2, 1], dtype=np.int16), ends)
    ranked = phone_salience([(salience, intervals)], ("SIL", "AA", "B"))
    assert list(ranked) == ["B", "SIL", "AA"]
    assert ranked["B"] == pytest.approx(5 / 1.8) and ranked["AA"] == pytest.approx(1 / 1.8)
