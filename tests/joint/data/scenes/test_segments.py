"""Scenes of several segments of one utterance, for training without labels."""

from itertools import pairwise

import numpy as np
import pytest

from joint.data.corpus import Corpus
from joint.data.scenes.planning import ScenePlanner
from joint.data.scenes.rendering import Renderer
from joint.data.storage.store import PackedStore
from joint.errors import ConfigError


def planner(segments: int, enrollment: float, **other: object) -> ScenePlanner:
    settings = {
        "enrollment_noise_probability": 0.7,
        "enrollment_room_probability": 0.5,
        "channel_probability": 0.7,
        **other,
    }
    return ScenePlanner(speakers=0, segments=segments, enrollment=enrollment, **settings)  # type: ignore[arg-type]


def test_segments_of_one_utterance_that_do_not_overlap(corpus: Corpus) -> None:
    firsts = set()
    for index in range(20):
        scene = planner(3, 0.3).plan(corpus, 0, 0, index)
        segments = [e.segment for e in scene.enrollments]
        assert len({(s.utterance, s.speaker, s.speed, s.length) for s in segments}) == 1
        starts = sorted(s.start for s in segments)
        assert all(b - a >= 4800 for a, b in pairwise(starts))
        whole = corpus.utterances[segments[0].utterance].length(segments[0].speed)
        assert starts[0] >= 0 and starts[-1] + 4800 <= whole
        firsts.add(int(np.argsort([s.start for s in segments])[0]))
        augmentations = {(e.noise, e.room, e.channel) for e in scene.enrollments}
        assert len(augmentations) > 1 or augmentations == {(None, None, None)}
    assert firsts == {0, 1, 2}


def test_utterances_that_are_too_short_have_segments_that_overlap(corpus: Corpus) -> None:
    for index in range(8):
        segments = [e.segment for e in planner(4, 2.0).plan(corpus, 0, 0, index).enrollments]
        whole = corpus.utterances[segments[0].utterance].length(segments[0].speed)
        assert {s.length for s in segments} == {min(whole, 32_000)}
        free = whole - segments[0].length
        assert {segments[0].start, segments[1].start} == {0, free}  # as far apart as they can be
        thirds = [round(free / 3), round(2 * free / 3)]
        assert sorted(s.start for s in segments[2:]) == pytest.approx(thirds, abs=1)


def test_the_last_has_the_augmentation_of_the_first(corpus: Corpus, store: PackedStore) -> None:
    plans = planner(3, 0.5, repeat_augmentation=True)
    scenes = [plans.plan(corpus, 0, 0, index) for index in range(8)]
    other = 0
    for scene in scenes:
        first, second, last = [(e.noise, e.room, e.channel) for e in scene.enrollments]
        assert first == last
        other += first != second
    assert other > 4
    fields = {"enrollment", "enrollment_lengths", "speaker", "utterance"}
    batch = Renderer(corpus, store, fields).batch(scenes)
    assert batch.enrollment is not None and batch.speaker is not None
    assert batch.enrollment.shape == (8, 3, 8000) and batch.speaker.shape == (8, 3)
    assert not batch.enrollment[:, 0].equal(batch.enrollment[:, 2])


def test_refused() -> None:
    with pytest.raises(ConfigError, match="segments: found 2 and 2 speakers"):
        ScenePlanner(segments=2)
    with pytest.raises(ConfigError, match="segments: found 0"):
        ScenePlanner(speakers=0, segments=0)
    with pytest.raises(ConfigError, match="repeat_augmentation: found 1 segments"):
        ScenePlanner(speakers=0, repeat_augmentation=True)
