"""Plans: f(seed, epoch, index), and what every scene must keep to."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from joint.data.corpus import Corpus
from joint.data.scenes.planning import ScenePlanner
from joint.errors import ConfigError
from joint.scene import ABSENT, Scene, Segment

RICH = ScenePlanner(
    speakers=3,
    enrollments=2,
    chunk=2.0,
    enrollment=2.5,
    overlap=(0.3, 0.9),
    absent_probability=0.3,
    noise_probability=0.7,
    room_probability=0.5,
    enrollment_noise_probability=0.5,
    enrollment_room_probability=0.5,
    channel_probability=0.5,
)
PLANNERS = {
    "pairs": ScenePlanner(chunk=2.0),
    "three of whom two enrol": RICH,
    "three": replace(RICH, enrollments=3, absent_probability=0.0),
    "whole utterances": ScenePlanner(speakers=3, enrollments=2, delay=(0.2, 0.9), similar=4),
    "enrolments alone": ScenePlanner(speakers=0, enrollment_noise_probability=0.5),
}


def scenes(corpus: Corpus, planner: ScenePlanner, epochs: int = 3) -> Iterator[Scene]:
    for epoch in range(epochs):
        for index in range(len(corpus)):
            yield planner.plan(corpus, 5, epoch, index)


def person(corpus: Corpus, segment: Segment) -> int:
    return int(corpus.speaker_of[segment.utterance])


@pytest.mark.parametrize("planner", PLANNERS.values(), ids=PLANNERS.keys())
def test_a_function_of_seed_epoch_and_index(corpus: Corpus, planner: ScenePlanner) -> None:
    first = [planner.plan(corpus, 5, 1, i) for i in range(len(corpus))]
    again = Corpus(corpus.utterances, "a copy")
    backwards = [replace(planner).plan(again, 5, 1, i) for i in reversed(range(len(again)))]
    assert first == backwards[::-1]
    for others in (
        [planner.plan(corpus, 6, 1, i) for i in range(len(corpus))],
        [planner.plan(corpus, 5, 2, i) for i in range(len(corpus))],
    ):
        assert not {replace(s, scene_id="") for s in first} & {
            replace(s, scene_id="") for s in others
        }


@pytest.mark.parametrize("planner", PLANNERS.values(), ids=PLANNERS.keys())
def test_an_epoch_has_each_utterance_once_as_target(corpus: Corpus, planner: ScenePlanner) -> None:
    orders = []
    for epoch in range(2):
        plans = [planner.plan(corpus, 5, epoch, i) for i in range(len(corpus))]
        targets = [(s.sources or s.enrollments)[0].segment.utterance for s in plans]
        assert sorted(targets) == list(range(len(corpus)))
        assert len({s.scene_id for s in plans}) == len(plans)
        orders.append(targets)
    assert orders[0] != orders[1]


@pytest.mark.parametrize("planner", PLANNERS.values(), ids=PLANNERS.keys())
def test_segments_lie_in_their_utterances(corpus: Corpus, planner: ScenePlanner) -> None:
    for scene in scenes(corpus, planner):
        noises = [n for n in (scene.noise, *(e.noise for e in scene.enrollments)) if n]
        segments = [x.segment for x in (*scene.sources, *scene.enrollments)]
        for segment in (*segments, *(s for n in noises for s in n.segments)):
            whole = corpus.utterances[segment.utterance].length(segment.speed)
            assert segment.start >= 0 and segment.length > 0
            assert segment.start + segment.length <= whole
            voice = person(corpus, segment), planner.speeds.index(segment.speed)
            assert segment.speaker == voice[0] + voice[1] * len(corpus.speakers)


def test_perturbed_speakers_are_new_ones(corpus: Corpus) -> None:
    classes = {e.segment.speaker for s in scenes(corpus, RICH, 6) for e in s.enrollments}
    assert RICH.speaker_count(corpus) == 30
    assert classes == set(range(30))


def test_one_speed_for_all_voices_of_a_scene(corpus: Corpus) -> None:
    found = set()
    for scene in scenes(corpus, replace(RICH, one_speed=True), 6):
        noises = [scene.noise, *(e.noise for e in scene.enrollments)]
        voices = [*scene.sources, *scene.enrollments]
        segments = [v.segment for v in voices] + [s for n in noises if n for s in n.segments]
        assert len({segment.speed for segment in segments}) == 1
        found.add(segments[0].speed)
    assert found == set(RICH.speeds)


@pytest.mark.parametrize("name", ["pairs", "three of whom two enrol", "three"])
def test_enrolments_and_sources_fit_together(corpus: Corpus, name: str) -> None:
    planner = PLANNERS[name]
    absent = 0
    for scene in scenes(corpus, planner):
        sources = [s.segment for s in scene.sources]
        people = [person(corpus, s) for s in sources]
        assert len(set(people)) == len(people) == planner.speakers
        assert len(scene.enrollments) == planner.enrollments
        mixed = {s.utterance for s in sources}
        for k, enrollment in enumerate(scene.enrollments):
            segment = enrollment.segment
            assert segment.utterance not in mixed
            if enrollment.source == ABSENT:
                absent += 1
                assert k == 0 and person(corpus, segment) not in people
            else:
                assert enrollment.source == k
                assert (segment.speaker, segment.speed) == (sources[k].speaker, sources[k].speed)
    share = absent / (3 * len(corpus))
    assert abs(share - planner.absent_probability) < 0.1


def test_the_absent_are_always_there_when_asked(corpus: Corpus) -> None:
    planner = ScenePlanner(chunk=1.0, absent_probability=1.0)
    assert all(s.enrollments[0].source == ABSENT for s in scenes(corpus, planner, 1))


def test_babble_is_of_others(corpus: Corpus) -> None:
    sizes = set()
    for scene in scenes(corpus, RICH):
        people = {person(corpus, s.segment) for s in scene.sources}
        for noise, known in [
            (scene.noise, people),
            *((e.noise, {person(corpus, e.segment)}) for e in scene.enrollments),
        ]:
            if noise is not None and noise.segments:
                babble = [person(corpus, s) for s in noise.segments]
                assert not known & set(babble) and len(set(babble)) == len(babble)
                sizes.add(len(babble))
    assert sizes == {3, 4, 5, 6, 7}


def test_chunk_and_overlap(corpus: Corpus) -> None:
    chunk = 32_000
    starts, ends = [], []
    for scene in scenes(corpus, RICH):
        target, *others = scene.sources
        assert scene.length == chunk and target.snr_db == 0.0
        for source in scene.sources:
            assert source.offset >= 0 and source.offset + source.segment.length <= chunk
        for source in others:
            assert source.segment.length <= chunk * 0.9 + 1
            assert -5.0 <= source.snr_db <= 5.0
            if source.segment.length >= chunk * 0.3 - 1:  # not all of a short utterance
                starts.append(source.offset / chunk)
                ends.append(1 - (source.offset + source.segment.length) / chunk)
    # An interferer ends the chunk no more often than it begins it, and mostly does neither.
    assert max(starts) > 0.5 and max(ends) > 0.5
    assert np.mean(starts) == pytest.approx(np.mean(ends), abs=0.05)
    assert np.mean(np.array(ends) > 0.02) > 0.7


def test_probabilities(corpus: Corpus) -> None:
    plans = list(scenes(corpus, RICH, 10))
    assert abs(sum(s.noise is not None for s in plans) / len(plans) - 0.7) < 0.08
    assert abs(sum(s.room is not None for s in plans) / len(plans) - 0.5) < 0.08
    quiet = list(scenes(corpus, PLANNERS["pairs"], 1))
    assert all(s.noise is s.room is None for s in quiet)
    for scene in plans:
        assert -6.0 <= scene.gain_db <= 6.0
        assert scene.noise is None or 5.0 <= scene.noise.snr_db <= 20.0
        assert scene.room is None or 0.15 <= scene.room.reverberation_seconds <= 0.5


@pytest.mark.parametrize("speakers", [0, 2])
def test_recordings_of_one_speaker_in_a_row(corpus: Corpus, speakers: int) -> None:
    planner = ScenePlanner(speakers=speakers, utterances_per_speaker=3, chunk=1.0)
    plans = list(scenes(corpus, planner, 4))[: 4 * len(corpus)]
    of_epoch = [plans[e * len(corpus) : (e + 1) * len(corpus)] for e in range(4)]
    for epoch in of_epoch:
        for start in range(0, len(epoch) - 2, 3):
            trio = epoch[start : start + 3]
            spoken = [s.sources[0].segment if speakers else s.enrollments[0].segment for s in trio]
            assert len({s.speaker for s in spoken}) == 1
            assert len({s.utterance for s in spoken}) == 3
    assert len({p.enrollments[0].segment.speed for p in plans}) == 3


def test_a_room_s_seed_decides_its_reverberation(corpus: Corpus) -> None:
    rooms = {s.room for s in scenes(corpus, RICH, 20) if s.room is not None}
    assert len({room.seed for room in rooms}) == len(rooms)


@pytest.mark.parametrize(
    "options", [{"enrollments": 3}, {"enrollments": 0}, {"speakers": 0, "enrollments": 2}], ids=str
)
def test_more_enrolments_than_speakers(options: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="enrollments"):
        ScenePlanner(**options)  # type: ignore[arg-type]


def test_the_natural_speed_is_first() -> None:
    with pytest.raises(ConfigError, match="speeds"):
        ScenePlanner(speeds=(0.9, 1.0))


def test_a_corpus_that_is_too_small(corpus: Corpus) -> None:
    one = Corpus([corpus.utterances[i] for i in corpus.of_speaker[0]], "one speaker")
    with pytest.raises(ConfigError, match="one speaker: found 1 speakers"):
        ScenePlanner().check(one)
    ScenePlanner(speakers=0).check(one)
    each = Corpus([corpus.utterances[u[0]] for u in corpus.of_speaker], "one each")
    with pytest.raises(ConfigError, match=f"one utterance .{each.speakers[0]}, "):
        ScenePlanner().check(each)


def test_whole_utterances_in_turn(corpus: Corpus) -> None:
    low, high = 0.3, 0.8
    planner = ScenePlanner(speakers=3, delay=(low, high), speeds=(1.0, 0.9))
    target_first = 0
    for scene in scenes(corpus, planner):
        in_turn = sorted(scene.sources, key=lambda s: s.offset)
        assert in_turn[0].offset == 0
        for source in in_turn:
            segment = source.segment
            utterance = corpus.utterances[segment.utterance]
            assert segment.start == 0 and segment.length == utterance.length(segment.speed)
        for one, next_ in pairwise(in_turn):
            share = (next_.offset - one.offset) / one.segment.length
            assert low - 1e-3 <= share <= high + 1e-3
        assert scene.length == max(s.offset + s.segment.length for s in scene.sources)
        target_first += scene.sources[0].offset == 0
    assert 0.2 < target_first / (3 * len(corpus)) < 0.5


def test_similar_lengths_in_a_row(corpus: Corpus) -> None:
    """In later epochs too, where the first one has a remainder."""
    assert len(corpus) % 7

    def spread(similar: int) -> float:
        planner = ScenePlanner(speakers=1, delay=(0.5, 0.5), similar=similar, speeds=(1.0,))
        size = planner.epoch_length(corpus)
        numbers = [divmod(number, size) for number in range(3 * size)]
        lengths = [planner.plan(corpus, 1, *number).length for number in numbers]
        rows = [lengths[i : i + 7] for i in range(0, len(lengths) - 6, 7)]
        return sum(max(row) * len(row) for row in rows) / sum(map(sum, rows))

    assert spread(7) < 1.1 < spread(1)


def test_similar_scenes_of_one_target_are_refused() -> None:
    with pytest.raises(ConfigError, match="similar"):
        ScenePlanner(similar=4, utterances_per_speaker=2)
