"""Channels: another microphone for each voice and each enrolment."""

from dataclasses import replace

import numpy as np
import pytest

from joint.data.corpus import Corpus
from joint.data.scenes.augmentation import CHANNEL_RANGE, through_channel
from joint.data.scenes.planning import ScenePlanner
from joint.data.scenes.rendering import Renderer
from joint.data.storage.store import PackedStore


def test_a_channel_changes_levels_within_its_range_and_no_phase() -> None:
    impulse = np.zeros(16_000, dtype=np.float32)
    impulse[8_000] = 1.0
    coloured = through_channel(impulse, seed=3)
    spectrum = np.fft.rfft(np.roll(coloured, -8_000))
    gain_db = 20 * np.log10(np.abs(spectrum))
    assert np.abs(gain_db).max() <= CHANNEL_RANGE + 0.1
    assert np.ptp(gain_db) > 3.0
    assert np.abs(np.angle(spectrum)).max() < 1e-3


def test_a_channel_is_a_function_of_its_seed() -> None:
    waveform = np.random.default_rng(0).standard_normal(8_000).astype(np.float32)
    assert np.array_equal(through_channel(waveform, 1), through_channel(waveform, 1))
    assert not np.allclose(through_channel(waveform, 1), through_channel(waveform, 2))


@pytest.mark.parametrize("probability, drawn", [(0.0, 0), (1.0, 4)])
def test_every_voice_has_a_channel_of_its_own(
    corpus: Corpus, probability: float, drawn: int
) -> None:
    scene = ScenePlanner(enrollments=2, channel_probability=probability).plan(corpus, 1, 0, 0)
    channels = [x.channel for x in (*scene.sources, *scene.enrollments)]
    assert len({c for c in channels if c is not None}) == drawn


def test_the_reference_is_coloured_as_the_mixture_is(corpus: Corpus, store: PackedStore) -> None:
    scene = ScenePlanner(channel_probability=1.0).plan(corpus, 1, 0, 0)
    renderer = Renderer(corpus, store)
    mixture, references = renderer.mixture(scene)
    assert np.allclose(mixture, references.sum(axis=0), atol=1e-5)
    plain = replace(scene, sources=tuple(replace(s, channel=None) for s in scene.sources))
    assert not np.allclose(renderer.mixture(plain)[1][0], references[0], atol=1e-3)
