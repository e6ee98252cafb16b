"""Videos of conversations: who is shown when, and what links make of them."""

import random
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from joint.conversation.turns import Turn
from joint.errors import DataError
from joint.terminal import errors_in_one_line
from joint.units import SAMPLE_RATE
from recipes.audiovisual import compose, link
from recipes.audiovisual.compose import SHOT, Plan, plan_shots
from tasks.audiovisual.linking.evaluate import LinkFigures

NAMES = ("away", "b", "c", "d")


def turns() -> list[Turn]:
    """400 s in which four people take turns of 4 s."""
    places = range(0, 400 * SAMPLE_RATE, 4 * SAMPLE_RATE)
    return [Turn(NAMES[n % 4], s, s + 4 * SAMPLE_RATE) for n, s in enumerate(places)]


def shown(follows: float) -> tuple[np.ndarray, np.ndarray]:
    """How often each one speaks in a shot that begins with a turn and is no longer, and how often
    they are seen then."""
    pictures = {name: [Path(name)] for name in (*NAMES, "silent0")}
    shots = plan_shots(turns(), 400.0, pictures, Plan(follows=follows), random.Random(0))
    assert shots[0].start == 0 and shots[-1].end == 400
    assert all(a.end == b.start for a, b in pairwise(shots))
    assert all(s.end - s.start <= SHOT[1] for s in shots)
    speaking, seen = np.zeros(4), np.zeros(4)
    for shot in shots:
        cast = [name for name, _, _ in shot.cast]
        assert 1 <= len(cast) == len(set(cast)) <= 3 and "away" not in cast
        assert len({place for _, place, _ in shot.cast}) == len(cast)
        who = int(shot.start // 4) % 4
        speaking[who] += 1
        seen[who] += NAMES[who] in cast
    return speaking, seen


def test_the_camera_follows_who_speaks() -> None:
    speaking, seen = shown(1.0)
    assert speaking.min() > 10 and seen[0] == 0 and (seen[1:] == speaking[1:]).all()
    speaking, seen = shown(0.0)
    assert not seen.any()


def test_figures_are_those_of_all_videos_together() -> None:
    one = LinkFigures(4, 3, 10, 5, 2, np.array([0.9, 0.0]), np.array([True, False]))
    two = LinkFigures(4, 4, 30, 30, 1, np.array([-1.0, 0.5]), np.array([True, False]))
    found = link.figures_of([one, two])
    assert found["speakers_percent"] == 87.5 and found["tracks_percent"] == 87.5
    # the first of two speaking faces comes first, the second last
    assert found["average_precision_percent"] == pytest.approx(100 * (0.5 * 1 + 0.5 * 2 / 4))
    assert found["faces_found_percent"] == 75.0 and found["faces_speaking_percent"] == 50.0


def test_turns_lose_their_names() -> None:
    found = link.unnamed(turns()[:5])
    assert [t.speaker for t in found] == [f"speaker{n}" for n in (1, 2, 3, 4, 1)]
    assert link.recognised(found, {}, {}, 0.5) == found
    voices = {f"speaker{n}": row for n, row in enumerate(np.eye(4), start=1)}
    known = {"Anna": 2 * np.eye(4)[:1], "Ben": -np.eye(4)[1:2]}
    names = [turn.speaker for turn in link.recognised(found, voices, known, 0.5)]
    assert names == ["Anna", "speaker2", "speaker3", "speaker4", "Anna"]


def test_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("dlib")
    given = [str(tmp_path / name) for name in ("talks", "data", "pictures", "videos")]
    for extra, expected in (
        ([], "pictures: found no such folder; expected a folder of 3 pictures or more"),
        (["--follows", "2"], "--follows: found 2; expected a probability"),
        (["--silent", "-1"], "--off-screen, --silent: found a negative number"),
    ):
        with pytest.raises(SystemExit) as exit_, errors_in_one_line():
            compose.main([*given, *extra])
        assert exit_.value.code == 2 and expected in capsys.readouterr().err
    with pytest.raises(DataError, match=r"all.rttm"):
        link.compare(tmp_path, "campplus-joint")
    (tmp_path / "list.json").write_text('[{"name": "a"}]')
    for name in ("list.json", "missing.json"):
        with pytest.raises(DataError, match=rf"{name}: found no such list"):
            link.read_shown(tmp_path / name)
    assert not (tmp_path / "videos").exists()
