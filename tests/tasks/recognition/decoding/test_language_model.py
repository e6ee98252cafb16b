"""N-grams: probabilities that sum to one, and an ARPA file that says the same."""

import math
from pathlib import Path

import pytest

from joint.errors import ConfigError
from tasks.recognition.decoding.language_model import END, NEVER, START, NGram

SENTENCES = [text.split() for text in ("a b c", "a b b", "c", "a c a b", "", "b a")]


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_probabilities_sum_to_one(order: int) -> None:
    model = NGram(SENTENCES, order, known=["d"])
    for history in ((), (START,), ("a",), ("a", "b"), ("d", "a", "b"), ("z", "z", "z")):
        total = sum(model.probability(word, history) for word in model.words)
        assert total == pytest.approx(1.0)
        assert all(model.probability(word, history) > 0 for word in model.words)


def test_by_hand() -> None:
    model = NGram([["a", "b"], ["a", "c"]], order=2)
    # 6 units: a a b c and two ends, of 4 kinds; a, b, c, the end and the unknown word are known
    one = (1 + 4 / 5) / (6 + 4)
    assert model.probability("b", ()) == pytest.approx(one)
    assert model.probability("b", ("a",)) == pytest.approx((1 + 2 * one) / (2 + 2))
    assert model.probability(END, ("b",)) > model.probability(END, ("a",))


@pytest.mark.parametrize("order", [1, 2, 3])
def test_arpa_says_the_same(order: int, tmp_path: Path) -> None:
    model = NGram(SENTENCES, order, known=["d"])
    found: dict[tuple[str, ...], tuple[float, float]] = {}
    text = model.write_arpa(tmp_path / "model.arpa").read_text()
    for line in text.splitlines():
        fields = line.split("\t")
        if len(fields) > 1:
            back_off = float(fields[2]) if len(fields) == 3 else 0.0
            found[tuple(fields[1].split(" "))] = float(fields[0]), back_off

    def read(word: str, history: tuple[str, ...]) -> float:
        if (*history, word) in found:
            return found[(*history, word)][0]
        return found.get(history, (0.0, 0.0))[1] + read(word, history[1:])

    for history in ((), (START,), ("a",), ("a", "b"), ("b", "d"), ("d", "d")):
        kept = history[-(order - 1) :] if order > 1 else ()
        for word in model.words:
            expected = math.log10(model.probability(word, history))
            assert read(word, kept) == pytest.approx(expected, abs=1e-5)
    assert found[(START,)][0] == NEVER


def test_nothing_to_learn_from() -> None:
    with pytest.raises(ConfigError, match="no sentence"):
        NGram([])
    with pytest.raises(ConfigError, match="order"):
        NGram(SENTENCES, 0)
