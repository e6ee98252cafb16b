"""Distortions of enrolments: what each does to speech, and what a recipe may ask of them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.random import default_rng

from joint.data.corpus import Corpus
from joint.data.scenes.distortions.bandwidth import BandLimit, Telephone, companded
from joint.data.scenes.distortions.base import Distortion
from joint.data.scenes.distortions.codecs import CODECS, Codec, coded
from joint.data.scenes.distortions.gaps import DigitalZeros, Dropouts, NoiseGate
from joint.data.scenes.distortions.levels import Clipping, FewBits, Hum, Offset
from joint.data.scenes.planning import ScenePlanner
from joint.data.scenes.rendering import Renderer
from joint.data.scenes.stream import SceneStream
from joint.data.storage.store import PackedStore
from joint.errors import ConfigError

ALL: dict[str, Distortion] = {
    "band limit": BandLimit(),
    "telephone": Telephone(),
    "codec": Codec(),
    "zeros": DigitalZeros(),
    "gate": NoiseGate(),
    "dropouts": Dropouts(),
    "clipping": Clipping(),
    "few bits": FewBits(),
    "hum": Hum(),
    "offset": Offset(),
}


@pytest.fixture
def voice(speech: list[np.ndarray]) -> np.ndarray:
    """Two seconds of a real recording, on 16 bits."""
    waveform = np.concatenate(speech)[:32000]
    return (np.round(waveform * 32768) / 32768).astype(np.float32)


def share_above(waveform: np.ndarray, hertz: float) -> float:
    spectrum = np.square(np.abs(np.fft.rfft(waveform)))
    return float(spectrum[round(hertz * len(waveform) / 16000) :].sum() / spectrum.sum())


@pytest.mark.parametrize("distortion", ALL.values(), ids=ALL.keys())
def test_a_function_of_its_seed(distortion: Distortion, voice: np.ndarray) -> None:
    before = voice.copy()
    results = [distortion(voice, default_rng(seed)) for seed in (1, 1, 2, 3, 4)]
    assert np.array_equal(voice, before), "the recording in the store is not changed"
    assert np.array_equal(results[0], results[1])
    assert not all(np.array_equal(results[0], other) for other in results[2:])
    for result in results:
        assert result.dtype == np.float32 and result.shape == voice.shape
        assert np.isfinite(result).all() and np.abs(result).max() > 0


@pytest.mark.parametrize("distortion", ALL.values(), ids=ALL.keys())
def test_silence_and_little_audio_are_no_trouble(distortion: Distortion) -> None:
    for waveform in (np.zeros(4800, np.float32), np.zeros(0, np.float32) + 0, np.ones(7) * 0.1):
        if len(waveform):
            result = distortion(waveform.astype(np.float32), default_rng(0))
            assert np.isfinite(result).all() and len(result) == len(waveform)


def test_a_band_limit_takes_the_high_frequencies(voice: np.ndarray) -> None:
    limited = BandLimit(1.0, (4000.0, 4000.0))(voice, default_rng(0))
    assert share_above(limited, 4100) < 1e-8 < share_above(voice, 4100)
    low = np.fft.rfft(limited)[: round(3700 / 8000 * 16000)]
    np.testing.assert_allclose(low, np.fft.rfft(voice)[: len(low)], atol=1e-3)


def test_a_telephone_has_its_band_and_the_time_of_what_is_said(voice: np.ndarray) -> None:
    sent = Telephone(1.0)(voice, default_rng(0))
    assert share_above(sent, 4000) < 1e-3
    low = np.square(np.abs(np.fft.rfft(sent)))[: round(150 / 8000 * 16000)].sum()
    assert low < 0.01 * np.square(np.abs(np.fft.rfft(voice)))[: round(150 / 8000 * 16000)].sum()
    correlation = np.fft.irfft(np.fft.rfft(sent) * np.conj(np.fft.rfft(voice)))
    assert np.argmax(correlation) == 0


@pytest.mark.parametrize("law", ["mu", "a"])
def test_companding_has_the_signal_to_noise_ratio_of_g711(law: str) -> None:
    # about 38 dB for a full-scale sine, and hardly less at a tenth of it (ITU-T G.712)
    tone = np.sin(np.arange(8000) * 0.7).astype(np.float32)
    for level in (0.9, 0.09):
        error = companded(level * tone, law) - level * tone  # type: ignore[arg-type]
        ratio = 10 * np.log10(np.mean((level * tone) ** 2) / np.mean(error**2))
        assert 33 < ratio < 43


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("compression", [0.3, 0.95])
def test_codecs_keep_level_and_time(name: str, compression: float, voice: np.ndarray) -> None:
    result = coded(voice, name, compression)
    correlation = np.fft.irfft(np.fft.rfft(result) * np.conj(np.fft.rfft(voice)))
    delay = int(np.argmax(correlation))
    assert min(delay, len(voice) - delay) <= 16, "a millisecond"
    assert not np.array_equal(result, voice)
    assert 0.7 < np.linalg.norm(result) / np.linalg.norm(voice) < 1.3


def test_zeros_move_what_is_said(voice: np.ndarray) -> None:
    places = set()
    for seed in range(30):
        result = DigitalZeros(1.0, (0.25, 0.25))(voice + 1e-3, default_rng(seed))
        silent = result == 0
        assert silent.sum() == 8000
        first = int(silent.argmax())
        assert silent[first : first + 8000].all()
        places.add("before" if first == 0 else "after" if first == 24000 else "inside")
        np.testing.assert_array_equal(result[~silent], (voice + 1e-3)[:24000])
    assert places == {"before", "inside", "after"}


def test_a_gate_closes_where_it_is_quiet(voice: np.ndarray) -> None:
    gated = NoiseGate(1.0, (-30.0, -30.0), (0.01, 0.01))(voice, default_rng(0))
    blocks, kept = (x[: len(x) // 160 * 160].reshape(-1, 160) for x in (voice, gated))
    energy = np.square(blocks).mean(axis=1)
    closed = ~kept.any(axis=1)
    assert 0.05 < closed.mean() < 0.95
    assert energy[closed].max() <= energy.max() * 1e-3 < energy[~closed].min() * 1.001


def test_dropouts_are_short(voice: np.ndarray) -> None:
    gaps = Dropouts(1.0, (3.0, 3.0), (0.02, 0.02))(voice + 1.0, default_rng(3)) == 0
    assert 320 <= gaps.sum() <= 6 * 320


def test_clipping_cuts_a_share(voice: np.ndarray) -> None:
    clipped = Clipping(1.0, (0.05, 0.05))(voice, default_rng(0))
    at_limit = np.abs(clipped) >= np.abs(clipped).max()
    assert 0.045 < at_limit.mean() < 0.06
    np.testing.assert_array_equal(clipped[~at_limit], voice[~at_limit])


def test_few_bits_are_left_of_a_quiet_recording(voice: np.ndarray) -> None:
    quiet = FewBits(1.0, (-60.0, -60.0))(voice, default_rng(0))
    assert len(np.unique(quiet)) <= 67 and abs(np.abs(quiet).max() - 1e-3) < 1e-4


def test_hum_and_offset_add_what_they_say(voice: np.ndarray) -> None:
    hum = Hum(1.0, (10.0, 10.0))(voice, default_rng(1)) - voice
    ratio = np.mean(voice.astype(float) ** 2) / np.mean(hum.astype(float) ** 2)
    assert abs(10 * np.log10(ratio) - 10.0) < 0.1
    strongest = np.abs(np.fft.rfft(hum)).argmax() * 16000 / len(hum)
    assert strongest < 500
    offset = Offset(1.0, (0.2, 0.2))(voice, default_rng(1)) - voice
    np.testing.assert_allclose(np.abs(offset), 0.2 * np.abs(voice).max(), rtol=1e-3)


@pytest.mark.parametrize(
    "make",
    [
        lambda: BandLimit(1.5),
        lambda: BandLimit(0.1, (9000.0, 9500.0)),
        lambda: Telephone(0.1, low=(300.0, 200.0)),
        lambda: Codec(0.1, ("amr",)),
        lambda: Codec(0.1, ()),
        lambda: DigitalZeros(0.1, (0.5, 1.2)),
        lambda: NoiseGate(0.1, (-10.0, 10.0)),
        lambda: Dropouts(-0.1),
        lambda: Clipping(0.1, (0.5,)),  # type: ignore[arg-type]
    ],
)
def test_what_no_recording_can_have_is_refused(make: object) -> None:
    with pytest.raises(ConfigError):
        make()  # type: ignore[operator]


class TestPlan:
    """Distortions are part of the plan, and touch nothing else in it."""

    PLANNER = ScenePlanner(
        speakers=0,
        enrollment=1.0,
        distortions={"zeros": DigitalZeros(0.5), "clipping": Clipping(0.25)},
    )

    def test_probabilities(self, corpus: Corpus) -> None:
        plans = [self.PLANNER.plan(corpus, 1, e, i) for e in range(5) for i in range(len(corpus))]
        names = [{n for n, _ in p.enrollments[0].distortions} for p in plans]
        assert abs(np.mean(["zeros" in n for n in names]) - 0.5) < 0.06
        assert abs(np.mean(["clipping" in n for n in names]) - 0.25) < 0.06
        assert len({s for p in plans for _, s in p.enrollments[0].distortions}) > len(plans) / 2

    def test_the_same_scenes_but_for_them(self, corpus: Corpus) -> None:
        plain = replace(self.PLANNER, distortions={})
        for index in range(len(corpus)):
            with_them, without = (p.plan(corpus, 1, 0, index) for p in (self.PLANNER, plain))
            assert with_them.enrollments[0].segment == without.enrollments[0].segment
            assert not without.enrollments[0].distortions

    def test_rendered_as_planned(self, corpus: Corpus, store: PackedStore) -> None:
        planner = replace(self.PLANNER, distortions={"zeros": DigitalZeros(1.0, (0.5, 0.5))})
        stream = SceneStream(corpus, store, planner, 6, seed=3)
        plain = Renderer(corpus, store)
        batch = stream[0]
        assert batch.enrollment is not None
        for scene, row in zip(stream.plans(0), batch.enrollment[:, 0], strict=True):
            (name, seed), *_ = scene.enrollments[0].distortions
            undistorted = replace(scene.enrollments[0], distortions=())
            expected = planner.distortions[name](
                plain.enrollment(scene, undistorted), default_rng(seed)
            )
            assert torch.equal(row, torch.from_numpy(expected))
            assert (row == 0).sum() >= 8000
