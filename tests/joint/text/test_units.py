"""What recognisers write."""

import pytest
import torch

from joint.data.corpus import Corpus, Utterance
from joint.errors import ConfigError, DataError
from joint.scene import SceneBatch
from joint.text.units import CharacterUnits, PhoneUnits

PHONES = ("SIL", "AA", "B", "K")


def test_characters_and_back() -> None:
    units = CharacterUnits()
    assert units.words(units.encode("we call  it  BEAR")) == ["WE", "CALL", "IT", "BEAR"]
    assert units.encode("") == [] and units.words([]) == []
    assert 0 not in units.encode("A BC'D")
    with pytest.raises(DataError, match="'7'"):
        units.encode("ROUTE 7")


def test_all_texts_are_checked_before_a_training() -> None:
    texts = ["we call it", "ROUTE 7", "bear", "NAÏVE"]
    rows = [Utterance(f"u{i}", "", "ann", text, samples=1) for i, text in enumerate(texts)]
    CharacterUnits().setup(Corpus([rows[0], rows[2]], "a folder"))
    told = r"a folder, utterance u1: found the character '7' in 'ROUTE 7' \(2 of 4 texts"
    with pytest.raises(DataError, match=told):
        CharacterUnits().setup(Corpus(rows, "a folder"))


def test_targets_of_texts() -> None:
    batch = SceneBatch(["a", "b"], texts=[["AB", ""], ["C", "D E"]])
    found = CharacterUnits(" ABCDE").targets(batch)
    assert found.counts.tolist() == [[2, 0], [1, 3]] and found.known.all()
    assert found.ids.shape == (2, 2, 3) and found.ids[1, 1].tolist() == [5, 1, 6]
    assert found.ids[0, 1].tolist() == [-1, -1, -1] and found.spans is None


def test_targets_of_phones() -> None:
    ids = torch.tensor([[[1, 2, -1], [3, -1, -1]]])
    known = torch.tensor([[True, False]])
    batch = SceneBatch(["a"], source_phones=ids, source_phone_ends=ids, source_phones_known=known)
    found = PhoneUnits(PHONES).targets(batch)
    assert found.counts.tolist() == [[2, 1]] and found.known.equal(known)
    assert PhoneUnits(PHONES).words([1, 3]) == ["AA", "K"]


def test_scenes_that_do_not_tell() -> None:
    batch = SceneBatch(["a"])
    with pytest.raises(ConfigError, match="cut"):
        CharacterUnits().targets(batch)
    with pytest.raises(ConfigError, match="cut or unaligned"):
        PhoneUnits(PHONES).targets(batch)
    with pytest.raises(ConfigError, match="joint align"):
        PhoneUnits(())
