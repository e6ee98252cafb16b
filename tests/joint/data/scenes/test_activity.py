"""Activity: where the planted speech of a scene is, and nowhere else."""

from dataclasses import replace

import numpy as np
import pytest

from joint.data.corpus import Corpus, Utterance
from joint.data.phones import PhoneIntervals
from joint.data.scenes.activity import loud_frames, speech_frames, without_gaps
from joint.data.scenes.planning import ScenePlanner
from joint.data.scenes.rendering import Renderer
from joint.data.storage.store import PackedStore
from joint.scene import Scene, Segment, Source

SECOND = 16_000


def planted(*parts: tuple[float, float]) -> np.ndarray:
    """Noise of a level for so many seconds each, over a floor of 60 dB below 1."""
    rng = np.random.default_rng(0)
    levels = np.concatenate([np.full(round(s * SECOND), level) for level, s in parts])
    noise = rng.standard_normal(len(levels)) * (levels + 1e-3)
    return noise.astype(np.float32)


class Planted:
    """A store of one waveform for every utterance."""

    def __init__(self, waveform: np.ndarray) -> None:
        self.waveform = waveform

    def read(self, utterance: int, speed: float, start: int, length: int) -> np.ndarray:
        return self.waveform[start : start + length]


TALK = planted((0.0, 0.5), (0.1, 1.0), (0.0, 0.2), (0.1, 0.8), (0.0, 0.6), (0.1, 0.4))
"""Speech from 0.5 to 2.5 s, with a pause of 0.2 s, and from 3.1 to 3.5 s."""
UTTERANCES = [Utterance(f"u{i}", "-", f"s{i // 2}", samples=len(TALK)) for i in range(4)]


def bounds(active: np.ndarray) -> list[int]:
    """Frames where the activity changes."""
    return np.flatnonzero(np.diff(active.astype(int), prepend=0, append=0)).tolist()


def test_placement_of_planted_speech() -> None:
    corpus = Corpus(UTTERANCES, "planted")
    whole, late = (Segment(u, u // 2, 1.0, 0, len(TALK)) for u in (0, 2))
    sources = Source(whole, 0, 0.0), Source(replace(late, start=8_000, length=40_000), 24_000, 0.0)
    scene = Scene("x", (), 0, sources, len(TALK) + 24_000, None, None, 0.0)
    short = replace(scene, sources=(sources[0], replace(sources[1], offset=16_000)), length=56_000)
    found = Renderer(corpus, Planted(TALK), {"activity"}).batch([scene, short]).activity
    assert found is not None and found.shape == (2, 2, 500)
    np.testing.assert_allclose(bounds(found[0, 0].numpy()), [50, 250, 310, 350], atol=2)
    # from 1.5 s on, what was there from 0.5 to 3 s
    np.testing.assert_allclose(bounds(found[0, 1].numpy()), [150, 350], atol=2)
    np.testing.assert_allclose(bounds(found[1, 1].numpy()), [100, 300], atol=2)


@pytest.mark.parametrize("gain", [1e-3, 1.0, 30.0])
def test_the_level_does_not_matter(gain: float) -> None:
    np.testing.assert_allclose(
        bounds(without_gaps(loud_frames(gain * TALK))), [50, 250, 310, 350], atol=2
    )


def test_digital_silence_is_silent() -> None:
    assert not loud_frames(np.zeros(1000, np.float32)).any()
    assert len(loud_frames(np.zeros(1000, np.float32))) == 7


def test_gaps_and_clicks() -> None:
    frames = np.repeat([False, True, False, True, False, True], [3, 6, 29, 7, 30, 4])
    expected = np.repeat([False, True, False], [3, 42, 34])
    np.testing.assert_array_equal(without_gaps(frames), expected)


def test_phones_go_before_energy() -> None:
    """Silence, a phone, silence: of a segment from 0.25 s on, at twice the speed."""
    ends = np.array([16_000, 32_000, 48_000])
    aligned = replace(UTTERANCES[0], phones=PhoneIntervals(np.array([0, 5, 0], np.int16), ends))
    segment = Segment(0, 0, 2.0, 4_000, 20_000)
    found = speech_frames(planted((0.1, 1.25)), segment, aligned)
    np.testing.assert_allclose(bounds(found), [25, 75], atol=1)
    unknown = replace(aligned, phones=PhoneIntervals.unknown(48_000))
    assert speech_frames(planted((0.1, 1.25)), segment, unknown).all()


def test_real_speech_is_active_inside_its_placement(corpus: Corpus, store: PackedStore) -> None:
    planner = ScenePlanner(speakers=2, delay=(0.5, 1.5), turns=2, turn=1.5, noise_probability=1.0)
    scenes = [planner.plan(corpus, 3, 0, i) for i in range(6)]
    batch = Renderer(corpus, store, {"activity", "sources"}).batch(scenes)
    assert batch.activity is not None and batch.sources is not None
    for scene, active, sources in zip(scenes, batch.activity, batch.sources, strict=True):
        for source, row, waveform in zip(scene.sources, active.numpy(), sources, strict=True):
            placed = slice(source.offset // 160, (source.offset + source.segment.length) // 160 + 2)
            outside = row.copy()
            outside[placed] = False
            assert row[placed].mean() > 0.2 and not outside.any()
            # what is active has nearly all of the energy
            energy = np.square(waveform.numpy()[: len(row) * 160])
            frames = np.add.reduceat(energy, np.arange(0, len(energy), 160))
            assert frames[row[: len(frames)]].sum() > 0.9 * frames.sum()
