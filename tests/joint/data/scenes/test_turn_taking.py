"""Conversations: who talks when, and with which of their utterances."""

from itertools import pairwise

import numpy as np
import pytest

from joint.data.corpus import Corpus
from joint.data.scenes.planning import ScenePlanner
from joint.data.scenes.rendering import Renderer
from joint.data.storage.store import PackedStore
from joint.errors import ConfigError

PLANNER = ScenePlanner(
    speakers=3, enrollments=3, delay=(0.3, 1.4), turns=3, turn=1.0, channel_probability=0.5
)


def test_everybody_has_their_turns(corpus: Corpus) -> None:
    overlapped = paused = 0
    for index in range(len(corpus)):
        scene = PLANNER.plan(corpus, 1, 0, index)
        assert len(scene.sources) == 9 and min(s.offset for s in scene.sources) == 0
        for person in range(3):
            own = scene.sources[person::3]
            assert len({source.segment.speaker for source in own}) == 1
            assert len({source.channel for source in own}) == 1
            for before, after in pairwise(own):
                assert before.offset + before.segment.length <= after.offset
            # four utterances each: three to talk with, the last to enrol with
            spoken = {source.segment.utterance for source in own}
            enrolled = scene.enrollments[person].segment
            assert len(spoken) == 3 and enrolled.utterance not in spoken
            assert enrolled.speaker == own[0].segment.speaker
        assert max(source.segment.length for source in scene.sources) <= 16_000
        ends = sorted((s.offset, s.offset + s.segment.length) for s in scene.sources)
        overlapped += sum(b[0] < a[1] for a, b in pairwise(ends))
        reached = np.maximum.accumulate([end for _, end in ends])
        paused += sum(start > end for (start, _), end in zip(ends[1:], reached, strict=False))
    assert overlapped > 40 and paused > 10


def test_the_first_turn_is_of_the_target(corpus: Corpus) -> None:
    targets = [PLANNER.plan(corpus, 1, 0, i).sources[0] for i in range(len(corpus))]
    assert sorted(source.segment.utterance for source in targets) == list(range(len(corpus)))


def test_a_speaker_has_one_level(corpus: Corpus, store: PackedStore) -> None:
    """Beside the level of the recordings themselves: energies grow with the length of a turn."""
    planner = ScenePlanner(speakers=2, delay=(1.0, 1.0), turns=2, turn=1.0, snr_db=(6.0, 6.0))
    for index in range(6):
        first, other, _, again = planner.plan(corpus, 1, 0, index).sources
        for source in (other, again):
            by_length = 10 * np.log10(first.segment.length / source.segment.length)
            assert source.snr_db == pytest.approx(6.0 + by_length)


def test_a_speaker_has_one_place_in_a_room(corpus: Corpus, store: PackedStore) -> None:
    planner = ScenePlanner(
        speakers=2, delay=(1.5, 1.5), turns=2, turn=0.5, room_probability=1.0, speeds=(1.0,)
    )
    scene = planner.plan(corpus, 1, 0, 0)
    renderer = Renderer(corpus, store, {"sources"})
    asked: list[int] = []

    def responses(room: object, count: int) -> np.ndarray:
        asked.append(count)
        return np.eye(2, 900, k=0, dtype=np.float32)  # the second one's are a sample late

    renderer._responses = responses  # type: ignore[method-assign]
    _, sources = renderer.mixture(scene)
    assert asked == [2]
    for source, row in zip(scene.sources, sources, strict=True):
        late = scene.sources.index(source) % 2
        dry = renderer._voice(source)
        length = min(len(dry), scene.length - source.offset - late)
        placed = row[source.offset + late : source.offset + late + length]
        assert np.corrcoef(placed, dry[:length])[0, 1] > 0.999


@pytest.mark.parametrize("turns, delay", [(0, (1.0, 1.0)), (2, None)])
def test_turns_that_cannot_be(turns: int, delay: tuple[float, float] | None) -> None:
    with pytest.raises(ConfigError, match="turns"):
        ScenePlanner(turns=turns, delay=delay)
