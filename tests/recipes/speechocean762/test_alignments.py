"""Agreement of aligned phones with those of the corpus, on cases worked out by hand."""

from pathlib import Path

import numpy as np
import pytest

from joint.data.corpus import Corpus, Utterance
from joint.data.phones import PhoneIntervals
from joint.errors import DataError
from recipes.speechocean762.studies.alignments import phones_of_corpus, sequence_agreement

INVENTORY = ("SIL", "A", "B", "C")


def aligned_as(name: str, phones: list[int]) -> Utterance:
    ends = 1600 * np.arange(1, len(phones) + 1)
    intervals = PhoneIntervals(np.array(phones, dtype=np.int16), ends)
    return Utterance(name, f"{name}.wav", "s", "", None, None, int(ends[-1]), phones=intervals)


def test_edits_over_the_phones_of_the_corpus() -> None:
    utterances = [aligned_as("u0", [0, 1, 2, 3, 0]), aligned_as("u1", [1, 0, 3])]
    corpus = Corpus(utterances, Path("data"), INVENTORY)
    own = {"u0": ["A", "B", "C"], "u1": ["A", "B", "C", "unknown"], "u2": ["A"]}
    # silences do not count, nor phones outside of the inventory: one deletion in six phones
    found = sequence_agreement(corpus, own)
    assert found["phone_edits_percent"] == pytest.approx(100 / 6)
    assert found["same_percent"] == 50.0
    with pytest.raises(DataError, match="no phones of the corpus"):
        sequence_agreement(corpus, {})


def test_phones_of_the_embedded_corpus(prepared: Path) -> None:
    own = phones_of_corpus(prepared / "train")
    assert sum(map(bool, own.values())) > 0.9 * len(own)
    assert not any(phone[-1].isdigit() for phones in own.values() for phone in phones)
