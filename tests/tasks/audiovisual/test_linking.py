"""People on screen are linked to speakers by identity, by being seen, and by moving mouths."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from squares import box_of, pattern, picture, square_encoder

from joint.conversation.turns import Turn
from joint.errors import DataError
from joint.units import SAMPLE_RATE
from tasks.audiovisual.linking.evaluate import Shown, evaluate_links
from tasks.audiovisual.linking.people import Person, people_of, read_portraits
from tasks.audiovisual.linking.screen import Screen, link_screen, seconds_seen
from tasks.audiovisual.video.reading import Frame
from tasks.audiovisual.video.tracks import Tracks, track_faces

PLACES = {1: (0, 0), 2: (50, 60), 3: (110, 0), 4: (170, 60), 5: (230, 0)}
SPOKEN = {"speaker1": (0, 4), "speaker2": (4, 9), "speaker3": (9, 12)}
"""Seconds."""


def turns(names: Mapping[str, str] | None = None) -> list[Turn]:
    return [
        Turn((names or {}).get(name, name), start * SAMPLE_RATE, end * SAMPLE_RATE)
        for name, (start, end) in SPOKEN.items()
    ]


def tracked(seen: Mapping[int, tuple[int, int]], moving: Mapping[int, str] | None = None) -> Tracks:
    """Tracks of people who are seen from one second to another, five pictures a second; who is
    `moving` opens the mouth, by turns, while the speaker of that name speaks."""
    frames = []
    for number in range(60):
        time = number / 5
        shown = {p: PLACES[p] for p, (start, end) in seen.items() if start <= time < end}
        mouths = {
            p: 8 * (number % 2)
            for p, name in (moving or {}).items()
            if SPOKEN[name][0] <= time < SPOKEN[name][1]
        }
        frames.append(Frame(time, picture(shown, mouths)))
    return track_faces(frames, square_encoder(), same=0.9)


def linked(screen: Screen) -> dict[str, tuple[str, str]]:
    return {link.person: (link.speaker, link.by) for link in screen.links}


def portraits(*people: int) -> dict[str, np.ndarray]:
    return {f"P{p}": square_encoder().embedder.embed([pattern(p)]) for p in people}


def test_tracks_of_one_person_are_joined() -> None:
    found = tracked({1: (0, 12), 2: (0, 3)})
    again = tracked({2: (6, 12), 3: (0, 12)})
    both = Tracks(found.times, [*found.tracks, *again.tracks])
    people = people_of(both, portraits(2), same=0.9)
    assert [(p.name, len(p.tracks), p.known) for p in people] == [
        ("person1", 1, False),
        ("P2", 2, True),
        ("person2", 1, False),
    ]
    assert people[1].cosine == pytest.approx(1.0)
    assert seconds_seen(Screen(found.times, people, [], []))[1] == pytest.approx(9.0, abs=0.25)
    # two faces that are seen at once are two people, however alike
    twins = Tracks(found.times, [found.tracks[0], found.tracks[0]])
    assert len(people_of(twins, portraits(1), same=0.9)) == 2


def test_who_is_seen_while_a_voice_speaks() -> None:
    found = tracked({1: (0, 4), 2: (4, 9), 3: (0, 12)})
    people = people_of(found, {}, 0.9)
    screen = link_screen(found.times, people, turns())
    assert linked(screen) == {
        "person1": ("speaker1", "activity"),
        "person3": ("speaker2", "activity"),
    }
    # person2 is always seen, which says nothing, and speaker3 is off-screen
    assert screen.speaker("person2") is None and screen.person("speaker3") is None
    speaking = screen.speaking()
    assert (speaking[0] > 0).sum() == 20 and not speaking[1].any()


def test_whose_mouth_moves_while_a_voice_speaks() -> None:
    everybody = dict.fromkeys(PLACES, (0, 12))  # five
    moving = {1: "speaker3", 2: "speaker1", 4: "speaker2"}
    found = tracked(everybody, moving)
    screen = link_screen(found.times, people_of(found, {}, 0.9), turns())
    own = {number: f"person{number}" for number in everybody}
    assert {link.person: link.speaker for link in screen.links} == {
        own[number]: name for number, name in moving.items()
    }
    still = tracked(everybody)
    assert not link_screen(still.times, people_of(still, {}, 0.9), turns()).links


def test_identity_before_activity() -> None:
    found = tracked({1: (4, 9), 2: (0, 4), 3: (0, 12)})
    known = people_of(found, portraits(1, 2), 0.9)
    # P1 is seen while somebody else speaks
    screen = link_screen(found.times, known, turns({"speaker1": "P1"}), enrolled=["P1"])
    assert linked(screen) == {"P1": ("P1", "identity")}
    # by activity P2 is speaker1, and thus speaker1 is P2
    screen = link_screen(found.times, known, turns())
    assert linked(screen)["P2"] == ("P2", "activity")
    assert [turn.speaker for turn in screen.turns] == ["P2", "P1", "speaker3"]
    # two known names are two people
    screen = link_screen(found.times, known, turns({"speaker1": "X"}), enrolled=["X"])
    assert screen.person("X") is None and linked(screen) == {"P1": ("P1", "activity")}


def test_nobody_on_screen_and_nobody_speaking() -> None:
    times = np.arange(10) / 5
    screen = link_screen(times, [], turns())
    assert not screen.links and screen.turns == turns() and screen.speaking().shape == (0, 10)
    found = tracked({1: (0, 4)})
    assert not link_screen(found.times, people_of(found, {}, 0.9), []).links


def test_portraits_are_read_and_bad_ones_refused(tmp_path: Path) -> None:
    for name, people in (("Anna", [1]), ("Ben", [2, 3])):
        (tmp_path / name).mkdir()
        for person in people:
            Image.fromarray(picture({person: (20, 20)})).save(tmp_path / name / f"{person}.png")
    found = read_portraits(tmp_path, square_encoder())
    assert {name: rows.shape for name, rows in found.items()} == {"Anna": (1, 6), "Ben": (2, 6)}
    Image.fromarray(picture(PLACES)).save(tmp_path / "Anna" / "party.png")
    with pytest.raises(DataError, match=r"party.png: found 5 faces; expected one face"):
        read_portraits(tmp_path, square_encoder())
    for place in (tmp_path / "Anna", tmp_path / "missing"):
        with pytest.raises(DataError, match="no portraits"):
            read_portraits(place, square_encoder())


def test_links_are_scored() -> None:
    seen = {1: (0, 4), 2: (4, 9), 3: (0, 12)}
    found = tracked(seen)
    shown = [Shown(f"P{p}", start, end, box_of(*PLACES[p])) for p, (start, end) in seen.items()]
    names = {"speaker1": "P1", "speaker2": "P2", "speaker3": "P9"}
    people = people_of(found, {}, 0.9)
    screen = link_screen(found.times, people, turns())
    right = evaluate_links(screen, shown, turns(names))
    assert (right.speakers, right.speakers_right, right.tracks, right.tracks_right) == (3, 3, 3, 3)
    assert right.faces_found == len(right.labels) == 20 + 25 + 60
    assert right.labels.sum() == 45 and right.scores[right.labels].min() > 0
    assert right.scores[~right.labels].max() == 0
    # P9, who is never shown, is linked to the person who is always seen, and P1 to nobody
    swapped = {"person1": None, "person2": "speaker3", "person3": "speaker2"}
    links = [
        type(screen.links[0])(person, speaker, "activity", 0.5)
        for person, speaker in swapped.items()
        if speaker
    ]
    wrong = evaluate_links(Screen(found.times, people, turns(), links), shown, turns(names))
    assert (wrong.speakers_right, wrong.tracks_right) == (1, 1)
    # a face that was not found is the last one
    less = Screen(found.times, [Person("person1", people[0].tracks)], turns(), screen.links[:1])
    assert evaluate_links(less, shown, turns(names)).scores.min() == -1
