"""Errors of conversations: recognisers whose answers are known get the figures they deserve."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from joint.data.corpus import Corpus
from joint.data.opening import open_corpus
from joint.errors import DataError
from joint.metrics.words import (
    Errors,
    best_owners,
    channel_errors,
    concatenated_errors,
    foreign_words,
    total,
)
from tasks.recognition.conversations.lists import Conversation, Conversations, Turn
from tasks.recognition.evaluate import evaluate_recognition

pytest.importorskip("meeteval")


@pytest.fixture(scope="module")
def folder(prepared: Path) -> Corpus:
    return open_corpus(prepared / "train")


@pytest.fixture(scope="module")
def listed(folder: Corpus) -> Conversations:
    by_speaker: dict[str, list[str]] = {}
    for name, utterance in sorted(folder.by_id.items()):
        by_speaker.setdefault(utterance.speaker, []).append(name)
    people = [names for names in by_speaker.values() if len(names) > 1][:6]
    rows = [
        Conversation(f"mix{i}", (Turn(a[0], 0, a[1]), Turn(b[0], 4000 * (i + 1), b[1])))
        for i, (a, b) in enumerate(itertools.pairwise(people))
    ]
    return Conversations(Path("list.csv"), tuple(rows))


def test_who_knows_everything_and_who_says_nothing(
    folder: Corpus, listed: Conversations, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = {n: u.text.split() for n, u in folder.by_id.items()}
    rows, moments = iter(listed), iter(range(100))
    clock = SimpleNamespace(perf_counter=lambda: float(next(moments)))
    monkeypatch.setattr("tasks.recognition.evaluate.time", clock)

    def knows(mixture: np.ndarray, voices: Sequence[np.ndarray]) -> list[list[str]]:
        assert mixture.dtype == np.float32
        if len(voices) == 1:  # the absent one
            next(moments)
            return [[]]
        samples.append(len(mixture))
        return [texts[turn.utterance] for turn in next(rows).turns]

    samples: list[int] = []
    figures, _ = evaluate_recognition(knows, folder, listed, texts.get, True, progress=False)
    # a second for each mixture, none for the absent
    assert figures["real_time_factor"] == pytest.approx(5 * 16_000 / sum(samples))
    assert next(moments) == 5 * (2 + 1)
    assert figures["error_percent"] == figures["person_error_percent"] == 0.0
    assert figures["silent_share"] == 1.0 and figures["foreign_share"] == 0.0
    assert figures["conversations"] == len(listed) == 5
    assert sum(g["conversations"] for n, g in figures["by_group"].items() if "overlap" in n) == 5
    figures, _ = evaluate_recognition(
        lambda mixture, voices: [[]], folder, listed, texts.get, progress=False
    )
    assert figures["error_percent"] == figures["error_deletions_percent"] == 100.0


def test_people_taken_for_each_other(folder: Corpus, listed: Conversations) -> None:
    texts = {n: u.text.split() for n, u in folder.by_id.items()}
    rows = iter(listed)

    def swaps(mixture: np.ndarray, voices: Sequence[np.ndarray]) -> list[list[str]]:
        if len(voices) == 1:  # the absent one
            return [["HM"]]
        first, second = next(rows).turns
        return [texts[second.utterance], texts[first.utterance]]

    figures, _ = evaluate_recognition(swaps, folder, listed, texts.get, True, progress=False)
    assert figures["error_percent"] == 0.0 and figures["person_error_percent"] > 80.0
    assert figures["foreign_share"] > 0.7
    assert figures["silent_share"] == 0.0 and figures["words_for_absent"] == 1.0


def test_names_for_outputs(folder: Corpus, listed: Conversations) -> None:
    texts = {n: u.text.split() for n, u in folder.by_id.items()}
    length = sum(len(texts[turn.utterance]) for row in listed for turn in row.turns)

    def figures_of(order: Sequence[int]) -> dict[str, float]:
        """Where the outputs are named so: the two, the absent person, a stranger, in the places of
        what the first says, what the second says, nothing, nothing and what nobody says."""
        rows = iter(listed)

        def hear(mixture: np.ndarray, voices: Sequence[np.ndarray]) -> list[list[str]]:
            assert len(voices) == 3
            first, second = (texts[turn.utterance] for turn in next(rows).turns)
            said: list[list[str]] = [first, second, [], [], ["HM"]]
            return [said[place] for place in order]

        return evaluate_recognition(
            hear, folder, listed, texts.get, attributed=True, progress=False
        )[0]

    right = figures_of((0, 1, 2, 3))
    assert right["named_share"] == 1.0 and right["person_error_percent"] == 0.0
    assert "channel_error_percent" not in right and "silent_share" not in right
    swapped = figures_of((1, 0, 2, 3))
    assert swapped["named_share"] == 0.0 and swapped["error_percent"] == 0.0
    assert swapped["person_error_percent"] > 80.0
    # words that the absent one or a stranger gets are missed, and too many as well
    for order in ((0, 2, 1, 3), (0, 2, 3, 1)):
        lost = figures_of(order)
        assert lost["named_share"] == 0.5 and lost["error_percent"] == 0.0
        second = sum(len(texts[row.turns[1].utterance]) for row in listed)
        assert lost["person_error_percent"] == pytest.approx(200.0 * second / length)
        assert lost["person_error_insertions_percent"] == pytest.approx(100.0 * second / length)
    # what nobody says is right as a stranger's, and wrong as an absent person's
    assert figures_of((0, 1, 2, 4))["named_share"] == 1.0
    assert figures_of((0, 1, 4, 3))["named_share"] == pytest.approx(2 / 3)
    nothing = figures_of((2, 3, 2, 3))
    assert nothing["named_share"] == 0.0 and nothing["person_error_percent"] == 100.0


def test_unknown_words_and_missing_enrolments(folder: Corpus, listed: Conversations) -> None:
    texts = {n: u.text.split() for n, u in folder.by_id.items()}
    missing = listed.rows[0].turns[0].utterance
    known = {name: words for name, words in texts.items() if name != missing}
    figures, heard = evaluate_recognition(
        lambda mixture, voices: [], folder, listed, known.get, progress=False
    )
    assert figures["skipped_conversations"] == 1 and len(heard) == 4
    with pytest.raises(DataError, match="no conversation"):
        evaluate_recognition(
            lambda mixture, voices: [], folder, listed, lambda name: None, progress=False
        )
    bare = Conversations(Path("list.csv"), (Conversation("m", (Turn(missing),), 2),))
    with pytest.raises(DataError, match=r"list.csv:2: found no enrolment"):
        evaluate_recognition(
            lambda mixture, voices: [], folder, bare, texts.get, True, progress=False
        )


def test_counts() -> None:
    reference, found = [["a", "b", "c"], ["d"]], [["d", "e"], ["a", "c"]]
    errors = concatenated_errors(reference, found)
    assert errors == Errors(0, 1, 1, 4) == channel_errors(reference, found)
    assert errors.figures("x") == {
        "x_percent": 50.0,
        "x_substitutions_percent": 0.0,
        "x_deletions_percent": 25.0,
        "x_insertions_percent": 25.0,
    }
    assert total([errors, errors]) == Errors(0, 2, 2, 8)
    # one output for two people: the other is missed; nobody spoke: all that is found is too much
    assert concatenated_errors(reference, [["a", "b", "c", "d"]]) == Errors(0, 1, 1, 4)
    assert concatenated_errors([[]], [["a"]]) == Errors(0, 0, 1, 0)
    # people in one another's outputs cost nothing where nobody asks who speaks
    swapped = [["a"], ["b"], ["c"]]
    assert concatenated_errors(swapped, [["a", "b"], ["c"]]).deletions == 1
    assert channel_errors(swapped, [["a", "b"], ["c"]]) == Errors(0, 0, 0, 3)


def test_words_of_somebody_else() -> None:
    assert foreign_words(["a", "x", "y", "d"], ["a", "b", "c", "d"], ["x", "y", "z"]) == 2
    assert foreign_words(["a", "b"], ["a", "b"], ["a", "b"]) == 0
    assert foreign_words([], ["a"], ["b"]) == 0


def test_whom_outputs_are_given_to() -> None:
    reference = [["a", "b"], ["c"]]
    assert best_owners(reference, [["c"], ["x", "x", "x"], ["a", "b"]]) == [1, None, 0]
    assert best_owners(reference, [["c"]]) == [1] and best_owners(reference, []) == []
