"""Word errors: text normalisation, WER, and the edit distance of symbols."""

from functools import cache

import numpy as np
import pytest

from joint.metrics.words import character_errors, edit_distance, normalize_text, word_errors


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Billy likes BLUE.", "billy likes blue"),
        ("It's 19 o’clock!", "it's one nine o'clock"),
        ("twenty-one, 4a", "twenty one four a"),
        ("  Naïve\tcafé ", "na ve caf"),
        ("...", ""),
    ],
)
def test_normalised_text(text: str, words: str):
    assert normalize_text(text) == words


@pytest.mark.parametrize(
    ("reference", "hypothesis", "errors", "words"),
    [
        ("TWO NINE SIX FOUR", "2964.", 0, 4),
        ("BILLY LIKES BLUE", "Billy liked blue too", 2, 3),
        ("BILLY LIKES BLUE", "", 3, 3),
        ("A", "one two three", 3, 1),
        ("", "noise", 1, 0),
    ],
)
def test_word_errors(reference: str, hypothesis: str, errors: int, words: int):
    pytest.importorskip("jiwer")
    found = word_errors(reference, hypothesis)
    assert (found.errors, found.length) == (errors, words)
    assert found.insertions - found.deletions == len(normalize_text(hypothesis).split()) - words


def recursive_distance(a: tuple[int, ...], b: tuple[int, ...]) -> int:
    """The recursive definition."""

    @cache
    def distance(i: int, j: int) -> int:
        if i == 0 or j == 0:
            return i + j
        return min(
            distance(i - 1, j - 1) + (a[i - 1] != b[j - 1]),
            distance(i - 1, j) + 1,
            distance(i, j - 1) + 1,
        )

    return distance(len(a), len(b))


def test_edit_distance() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        a, b = (tuple(rng.integers(0, 4, rng.integers(0, 9)).tolist()) for _ in range(2))
        assert edit_distance(a, b) == recursive_distance(a, b)


def test_character_errors():
    found = character_errors("It's 4 CATS", "its four cat")
    assert (found.errors, found.length) == (2, 14)
    assert character_errors("", "two words").insertions == 9
