"""Held-out speakers: seeded, disjoint, and never the last ones."""

from pathlib import Path

import pytest

from joint.data.corpus import Utterance
from joint.data.prepare.splits import a_few_each, hold_out, refuse_overlap
from joint.errors import DataError


def rows(counts: dict[str, int]) -> list[Utterance]:
    return [
        Utterance(f"{speaker}-{n}", Path("x.wav"), speaker, "")
        for speaker, count in counts.items()
        for n in range(count)
    ]


def test_held_out_speakers_have_several_utterances() -> None:
    everybody = rows({"a": 1, "b": 3, "c": 2, "d": 1, "e": 4})
    kept, held_out = hold_out(everybody, 3, seed=1)
    assert {u.speaker for u in held_out} == {"b", "c", "e"} and len(held_out) == 9
    assert [u.speaker for u in kept] == ["a", "d"]
    assert hold_out(everybody[::-1], 1, 7)[1][::-1] == hold_out(everybody, 1, 7)[1]
    assert hold_out(everybody, 0, 1) == (everybody, [])
    for count in (4, 5, 50):  # too many: a quarter of the speakers
        kept, held_out = hold_out(everybody, count, 1)
        assert len({u.speaker for u in held_out}) == 1 and len({u.speaker for u in kept}) == 4
    assert hold_out(rows({"a": 5, "b": 5, "c": 5}), 50, 1)[1] == []
    assert hold_out([], 50, 1) == ([], [])


def test_a_few_of_each() -> None:
    everybody = rows({"a": 1, "b": 9})
    chosen = list(a_few_each(everybody, 3, seed=2))
    assert [u.speaker for u in chosen] == ["a", "b", "b", "b"]
    assert len({u.id for u in chosen}) == 4
    assert list(a_few_each(everybody[::-1], 3, 2)) == chosen


def test_overlap() -> None:
    refuse_overlap("corpus", train=rows({"a": 1}), validation=[], test=rows({"b": 1}))
    with pytest.raises(DataError, match="speaker b in train and in test"):
        refuse_overlap("corpus", train=rows({"a": 1, "b": 1}), test=rows({"b": 1}))
