"""The filterbank: Kaldi's, batched, normalised over each recording's own frames."""

from typing import Literal

import numpy as np
import pytest
import torch
import torchaudio.compliance.kaldi
from torch import Tensor

from joint.encoders.frontends.filterbank import Filterbank, SpecAugment
from joint.errors import ConfigError


@pytest.mark.parametrize("window_type", ["povey", "hamming"])
@pytest.mark.parametrize("full_scale", [32768.0, 1.0])
@pytest.mark.parametrize("bins", [80, 40])
def test_equals_kaldi(
    speech: list[np.ndarray],
    padded: tuple[Tensor, Tensor],
    bins: int,
    full_scale: float,
    window_type: Literal["povey", "hamming"],
) -> None:
    features = Filterbank(bins, full_scale=full_scale, window_type=window_type).log_mel(padded[0])
    for row, waveform in zip(features, speech, strict=True):
        expected = torchaudio.compliance.kaldi.fbank(
            full_scale * torch.from_numpy(waveform)[None],
            num_mel_bins=bins,
            sample_frequency=16_000,
            window_type=window_type,
        )
        torch.testing.assert_close(row[: len(expected)], expected, atol=1e-4, rtol=0)


def test_frames_that_fit_are_counted(padded: tuple[Tensor, Tensor]) -> None:
    frames = Filterbank(24)(*padded)
    assert frames.mask is not None
    assert frames.mask.sum(1).tolist() == [1 + (n - 400) // 160 for n in padded[1].tolist()]


def test_each_recording_is_normalised_alone(padded: tuple[Tensor, Tensor]) -> None:
    frames = Filterbank(24)(*padded)
    assert frames.mask is not None
    for features, mask in zip(frames.features, frames.mask, strict=True):
        assert features[mask].mean(0).abs().max() < 1e-5
        assert (features[~mask] == 0).all()


class TestLevel:
    """One number a recording is taken off: its loudness, not its long-term spectrum."""

    def test_loudness_does_not_reach_it(self, padded: tuple[Tensor, Tensor]) -> None:
        torch.manual_seed(0)
        frontend = Filterbank(24, normalize="level")
        waveform = padded[0] + 1e-3 * torch.randn_like(padded[0])  # digital silence has no level
        loud, quiet = (frontend(gain * waveform, padded[1]).features for gain in (1.0, 0.25))
        torch.testing.assert_close(quiet, loud, atol=2e-3, rtol=0)

    def test_the_spectrum_stays(self, padded: tuple[Tensor, Tensor]) -> None:
        by_level = Filterbank(24, normalize="level")(*padded)
        by_bins = Filterbank(24)(*padded)
        assert by_level.mask is not None
        for kept, flat, mask in zip(
            by_level.features, by_bins.features, by_level.mask, strict=True
        ):
            spectrum = kept[mask].mean(0)
            assert spectrum.mean().abs() < 1e-5 and spectrum.std() > 1.0
            torch.testing.assert_close(kept[mask] - spectrum, flat[mask], atol=1e-4, rtol=0)
            assert (kept[~mask] == 0).all()

    def test_nothing_else_is_accepted(self) -> None:
        with pytest.raises(ConfigError, match="bins or level"):
            Filterbank(24, normalize="cmvn")  # type: ignore[arg-type]
        with pytest.raises(ConfigError, match="povey or hamming"):
            Filterbank(24, window_type="hann")  # type: ignore[arg-type]


class TestFloor:
    """A floor relative to the recording, and no frame of digital silence."""

    @pytest.mark.parametrize("normalize", ["bins", "level"])
    def test_silence_before_and_after_changes_nothing_else(
        self, speech: list[np.ndarray], normalize: Literal["bins", "level"]
    ) -> None:
        frontend = Filterbank(24, normalize=normalize, floor_db=50.0)
        voice = torch.from_numpy(speech[0])[None]
        alone = frontend(voice, torch.tensor([voice.shape[1]]))
        silence = torch.zeros(1, 1600)
        longer = torch.cat([silence, voice, silence], dim=1)
        found = frontend(longer, torch.tensor([longer.shape[1]]))
        assert alone.mask is None and found.mask is not None
        frames = alone.features.shape[1]
        # a frame that begins in the silence has speech at its end
        assert frames <= int(found.mask.sum()) <= frames + 4
        inside = found.features[:, 10 : 10 + frames]
        difference = inside - alone.features
        assert (difference - difference.mean()).abs().max() < 0.2
        assert difference.abs().max() < 0.5
        assert (found.features[~found.mask] == 0).all()

    def test_what_is_far_below_the_speech_does_not_count(self, speech: list[np.ndarray]) -> None:
        voice = torch.from_numpy(speech[0])[None]
        lengths = torch.tensor([voice.shape[1]])
        spectrum = torch.fft.rfft(voice)
        spectrum[:, spectrum.shape[1] // 2 :] = 0.0
        narrow = torch.fft.irfft(spectrum, voice.shape[1])
        by_floor, by_kaldi = (
            Filterbank(80, normalize="level", floor_db=floor)(narrow, lengths).features
            for floor in (40.0, None)
        )
        assert by_floor.amin() > by_floor.amax() - 15.0 and by_kaldi.amin() < -12.0
        assert by_floor[:, :, -5:].std() < 0.2

    def test_loudness_does_not_reach_it(self, padded: tuple[Tensor, Tensor]) -> None:
        frontend = Filterbank(24, normalize="level", floor_db=50.0)
        loud, quiet = (frontend(gain * padded[0], padded[1]) for gain in (1.0, 0.01))
        torch.testing.assert_close(quiet.features, loud.features, atol=2e-3, rtol=0)

    def test_a_recording_of_nothing_but_zeros(self) -> None:
        frames = Filterbank(24, floor_db=50.0)(torch.zeros(2, 8000), torch.tensor([8000, 6000]))
        assert frames.mask is not None and frames.mask.sum(1).tolist() == [48, 36]
        assert bool(frames.features.isfinite().all())

    @pytest.mark.parametrize("floor_db", [0.0, -50.0, 90.0])
    def test_floors_that_are_refused(self, floor_db: float) -> None:
        with pytest.raises(ConfigError, match="floor_db"):
            Filterbank(24, floor_db=floor_db)


def test_no_mask_where_lengths_agree() -> None:
    assert Filterbank(24)(torch.randn(2, 4800), torch.tensor([4800, 4800])).mask is None


def test_the_shortest_recording_that_is_accepted() -> None:
    assert Filterbank(24)(torch.randn(1, 4800), torch.tensor([4800])).features.shape == (1, 28, 24)


def test_bf16_does_not_reach_it(padded: tuple[Tensor, Tensor]) -> None:
    frontend = Filterbank(24)
    with torch.autocast("cpu", torch.bfloat16):
        inside = frontend(*padded).features
    assert torch.equal(inside, frontend(*padded).features)


def test_it_learns_nothing() -> None:
    assert not any(p.requires_grad for p in Filterbank(24).parameters())


class TestSpecAugment:
    """Stretches of time and of frequency become the mean, which is zero."""

    def test_rests_outside_training(self) -> None:
        x = torch.randn(4, 50, 24)
        assert torch.equal(SpecAugment(1.0).eval()(x), x)
        assert torch.equal(SpecAugment(0.0).train()(x), x)

    def test_hides_one_stretch_of_each(self) -> None:
        torch.manual_seed(0)
        hidden = SpecAugment(1.0, time_width=10, band_width=8).train()(torch.ones(200, 50, 24)) == 0
        times, bands = hidden.all(dim=2), hidden.all(dim=1)
        assert torch.equal(hidden, times.unsqueeze(2) | bands.unsqueeze(1))
        assert times.sum(1).max() == 10 and bands.sum(1).max() == 8
        for stretch in (*times, *bands):
            places = stretch.nonzero().flatten()
            assert len(places) == 0 or places[-1] - places[0] + 1 == len(places)

    def test_hides_several_stretches(self) -> None:
        torch.manual_seed(0)
        augment = SpecAugment(1.0, time_width=5, band_width=4, times=3, bands=2).train()
        hidden = augment(torch.ones(200, 50, 24)) == 0
        times, bands = hidden.all(dim=2), hidden.all(dim=1)
        assert torch.equal(hidden, times.unsqueeze(2) | bands.unsqueeze(1))
        assert 10 < times.sum(1).max() <= 15 and 4 < bands.sum(1).max() <= 8

    def test_spares_a_share(self) -> None:
        torch.manual_seed(0)
        x = torch.ones(1000, 50, 24)
        touched = (SpecAugment(0.3).train()(x) != x).flatten(1).any(1).float().mean()
        # 1 in 99 of those drawn has both widths 0
        assert 0.25 < touched < 0.35
