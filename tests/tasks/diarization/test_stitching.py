"""Planted local speakers are stitched together, whatever their order in each window."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pytest

from joint.conversation.clustering import clustered
from joint.conversation.turns import Turn
from joint.inspection.speech import Region
from tasks.diarization.overlap import overlapped
from tasks.diarization.pipeline import Diarizer
from tasks.diarization.segmentation.windows import LocalActivity, starts_of
from tasks.diarization.stitching import stitch, within

SECOND = 16_000
HOP, WINDOW, STEP = 640, 8 * SECOND, 2 * SECOND
LEVELS = np.array([0.1, 0.2, 0.4])
"""A person is known by the one value of their samples; those of people at once add up."""
SPANS = {0: [(0, 6), (20, 26)], 1: [(5, 12), (18, 21)], 2: [(13, 17), (24, 30)]}
"""Seconds in which each person talks."""
TRUTH = [
    Turn(f"speaker{who + 1}", a * SECOND, b * SECOND) for who, own in SPANS.items() for a, b in own
]


def planted() -> tuple[np.ndarray, np.ndarray]:
    """The waveform of 30 s and who talks in each frame, `(F, 3)`."""
    active = np.zeros((30 * SECOND // HOP, 3), dtype=bool)
    for who, own in SPANS.items():
        for a, b in own:
            active[a * SECOND // HOP : b * SECOND // HOP, who] = True
    waveform = np.repeat(active @ LEVELS, HOP).astype(np.float32)
    return waveform, active


def local_of(active: np.ndarray, seed: int) -> LocalActivity:
    """Perfect local speakers, in an order drawn for each window."""
    draw = np.random.default_rng(seed)
    starts = starts_of(len(active) * HOP, WINDOW, STEP, HOP)
    parts = [
        active[s // HOP : s // HOP + WINDOW // HOP][:, draw.permutation(active.shape[1])]
        for s in starts
    ]
    return LocalActivity(np.stack(parts), [s // HOP for s in starts], HOP, HOP // 2)


def shares(waveforms: Sequence[np.ndarray]) -> np.ndarray:
    """How much of each waveform is whose, `(n, 3)`."""
    return np.array([[np.mean(np.isclose(w, level)) for level in LEVELS] for w in waveforms])


def diarizer(active: np.ndarray, seed: int) -> Diarizer:
    return Diarizer(shares, 0.25, segment=lambda _: local_of(active, seed))


@pytest.mark.parametrize("seed", range(3))
def test_turns_are_those_planted(seed: int) -> None:
    """Also where two talk at once; the order of the local speakers does not matter."""
    waveform, active = planted()
    found = diarizer(active, seed)(waveform)
    assert sorted(found, key=lambda t: (t.speaker, t.start)) == TRUTH
    assert diarizer(active, seed)(waveform, speakers=3) == found
    merged = diarizer(active, seed)(waveform, speakers=2)
    assert len({turn.speaker for turn in merged}) == 2


def test_speech_that_is_given_bounds_what_is_found() -> None:
    waveform, active = planted()
    found = diarizer(active, 0)(waveform, [Region(0, 10 * SECOND), Region(28 * SECOND, 10**9)])
    assert max(t.end for t in found if t.start < 20 * SECOND) == 10 * SECOND
    assert min(t.start for t in found if t.end > 20 * SECOND) == 28 * SECOND
    assert not within(local_of(active, 0), []).active.any()


def test_two_of_one_window_are_two_clusters() -> None:
    """An encoder that hardly tells them apart, as the clustering then does not either."""
    waveform, active = planted()

    def alike(waveforms: Sequence[np.ndarray]) -> np.ndarray:
        return np.hstack([0.05 * shares(waveforms), np.ones((len(waveforms), 1))])

    found = stitch(
        waveform, local_of(active, 1), alike, partial(clustered, threshold=0.5), speakers=3
    )
    assert found is not None
    both = [sum(region.start < 5.5 * SECOND < region.end for region in own) for own in found.speech]
    assert sorted(both) == [0, 1, 1]


def test_nobody_and_little() -> None:
    waveform, active = planted()
    silent = np.zeros_like(active)
    assert diarizer(silent, 0)(waveform) == []
    short = np.zeros_like(active)
    short[:5, 0] = True  # 0.2 s, which no encoder takes
    assert diarizer(short, 0)(waveform) == []
    short[:10, 0] = True
    assert diarizer(short, 0)(waveform) == [Turn("speaker1", 0, 10 * HOP)]
    assert diarizer(short, 0)(np.zeros_like(waveform)) == []


def test_enrolled_people_have_their_names() -> None:
    waveform, active = planted()
    found = diarizer(active, 0)(waveform, enrolled={"Ben": np.eye(3)[1]}, threshold=0.9)
    own = [turn for turn in found if turn.speaker == "Ben"]
    assert [(t.start // SECOND, t.end // SECOND) for t in own] == SPANS[1]


def test_a_second_speaker_in_overlap() -> None:
    """Between 5 and 6 s two talk, of whom clustering finds one; from 20 and from 24 too."""
    waveform, active = planted()
    regions = overlapped(local_of(active, 0))
    assert [(a / SECOND, b / SECOND) for a, b in regions] == [(5, 6), (20, 21), (24, 26)]
    speech = [
        Region(0, 12 * SECOND),
        Region(13 * SECOND, 17 * SECOND),
        Region(18 * SECOND, 30 * SECOND),
    ]
    alone = Diarizer(shares, 0.25)
    both = Diarizer(shares, 0.25, overlap=lambda _: local_of(active, 0))

    def right(turns: list[Turn]) -> int:
        """Frames of people that are found."""
        found = np.zeros_like(active)
        for turn in turns:
            found[turn.start // HOP : turn.end // HOP, int(turn.speaker[-1]) - 1] = True
        return int((found & active).sum())

    before, after = (right(d(waveform, speech, speakers=3)) for d in (alone, both))
    assert after > before + 25
    # one speaker has nobody besides
    assert both(waveform, speech, speakers=1) == alone(waveform, speech, speakers=1)


@pytest.mark.parametrize("repeats", [4, 16])
def test_waveforms_that_are_embedded_at_once_are_bounded(repeats: int) -> None:
    """However long the recording is: two minutes, and eight."""
    waveform, active = (np.concatenate([part] * repeats) for part in planted())
    most: list[int] = []

    def embed(waveforms: Sequence[np.ndarray]) -> np.ndarray:
        most.append(sum(map(len, waveforms)))
        return shares(waveforms)

    speech = [Region(0, len(waveform))]
    for parts in ({"segment": lambda _: local_of(active, 0)}, {}):
        found = Diarizer(embed, 0.25, **parts)(waveform, speech, 3)
        assert len({turn.speaker for turn in found}) == 3
    assert max(most) <= 64 * 8 * SECOND
