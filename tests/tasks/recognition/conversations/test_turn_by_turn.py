"""Turn by turn: an extractor and a recogniser who know people by the value of their samples."""

import numpy as np

from joint.conversation.turns import Turn
from tasks.recognition.conversations.separation import followed, parts_of, separated

SECOND = 16_000
ANN, BEN = 0.1, 0.25
"""Where both talk the values add up."""


def turns(*given: tuple[str, float, float]) -> list[Turn]:
    """Speaker, start and end in seconds."""
    return [Turn(who, round(start * SECOND), round(end * SECOND)) for who, start, end in given]


def talk(seconds: float, *spoken: tuple[float, float, float]) -> np.ndarray:
    """Value, first and last second of what each says."""
    waveform = np.zeros(round(seconds * SECOND), np.float32)
    for value, start, end in spoken:
        waveform[round(start * SECOND) : round(end * SECOND)] += np.float32(value)
    return waveform


def extract(mixture: np.ndarray, enrolment: np.ndarray) -> np.ndarray:
    """The enrolled person wherever the mixture has them."""
    who = np.median(enrolment)
    present = np.isclose(mixture, who) | np.isclose(mixture, ANN + BEN)
    return np.where(present, who, 0.0).astype(np.float32)


def recognise(waveform: np.ndarray) -> list[str]:
    """A word for each tenth of a second of a person, and one for what is nobody's."""
    names = {"ann": ANN, "ben": BEN, "both": ANN + BEN}
    found = []
    for name, value in names.items():
        found += [name] * round(np.isclose(waveform, value).sum() / (SECOND / 10))
    return found


MEETING = talk(12, (ANN, 0, 4), (BEN, 3, 7), (ANN, 8, 10))
FOUND = turns(("Ann", 0, 4), ("Ben", 3, 7), ("Ann", 8, 10))


def test_each_is_extracted_where_others_talk() -> None:
    found = separated(MEETING, FOUND, extract, recognise)
    assert [(turn.speaker, set(turn.text.split())) for turn in found] == [
        ("Ann", {"ann"}),
        ("Ben", {"ben"}),
        ("Ann", {"ann"}),
    ]
    assert [turn.text.split().count("ben") for turn in found] == [0, 40, 0]
    unseparated = [turn.text for turn in separated(MEETING, FOUND, lambda m, _: m, recognise)]
    assert ["both" in text for text in unseparated] == [True, True, False]
    assert [(turn.start, turn.end) for turn in found] == [(t.start, t.end) for t in FOUND]


def test_an_extractor_gets_the_stretch_with_a_second_around_it() -> None:
    asked = []

    def noting(mixture: np.ndarray, enrolment: np.ndarray) -> np.ndarray:
        asked.append(len(mixture) / SECOND)
        return extract(mixture, enrolment)

    separated(MEETING, FOUND, noting, recognise)
    # Ann's end, with the margin behind it, and Ben's beginning with the margin before it
    assert np.allclose(asked, [2.1, 2.1], atol=0.02)


def test_who_is_alone_is_recognised_as_recorded() -> None:
    def refuses(mixture: np.ndarray, enrolment: np.ndarray) -> np.ndarray:
        raise AssertionError("nobody overlaps")

    alone = turns(("Ann", 0, 3), ("Ben", 4, 7), ("Ann", 8, 10))
    found = separated(MEETING, alone, refuses, recognise)
    assert [turn.speaker for turn in found] == ["Ann", "Ben", "Ann"]


def test_a_recogniser_follows_the_enrolled() -> None:
    enrolments = []

    def follow(mixture: np.ndarray, enrolment: np.ndarray) -> list[str]:
        enrolments.append(enrolment)
        return recognise(extract(mixture, enrolment))

    found = followed(MEETING, FOUND, follow)
    assert [set(turn.text.split()) for turn in found] == [{"ann"}, {"ben"}, {"ann"}]
    # 5 s and 3 s without the other
    assert [round(len(e) / SECOND) for e in enrolments] == [5, 3, 5]
    assert np.isclose(enrolments[0], ANN).all() and np.isclose(enrolments[1], BEN).all()


def test_who_says_too_little_is_not_enrolled() -> None:
    short = [*turns(("Cid", 10.5, 10.7)), *FOUND]
    (part,) = [part for part in parts_of(MEETING, short) if part.turn.speaker == "Cid"]
    assert part.enrolment is None
    found = followed(MEETING, short, lambda mixture, enrolment: ["hm"])
    assert {turn.speaker for turn in found} == {"Ann", "Ben"}
    # without words there is no turn
    assert separated(MEETING, short, extract, lambda waveform: []) == []


def test_turns_with_a_short_pause_are_one() -> None:
    divided = turns(("Ann", 0, 1.5), ("Ann", 1.8, 4), ("Ben", 3, 7), ("Ann", 8, 10))
    assert [part.turn for part in parts_of(MEETING, divided)] == FOUND
