"""Pieces of words: what is learnt, written and read again."""

import sys
from io import BytesIO
from pathlib import Path

import pytest
import torch

from joint.data.corpus import Corpus, Utterance
from joint.errors import ConfigError, DataError
from joint.scene import SceneBatch
from joint.text.pieces import MARK, PieceUnits, learn_pieces

sentencepiece = pytest.importorskip("sentencepiece")
COUNT = 200


def corpus_of(*texts: str) -> Corpus:
    rows = [Utterance(f"u{i:04}", "", "ann", text, samples=16_000) for i, text in enumerate(texts)]
    return Corpus(rows, "a folder")


@pytest.fixture(scope="module")
def texts(embedded_corpus: Path) -> list[str]:
    lines = (embedded_corpus / "train" / "text").read_text().splitlines()
    return [line.partition("\t")[2] for line in lines]


@pytest.fixture(scope="module")
def units(texts: list[str]) -> PieceUnits:
    made = PieceUnits(COUNT)
    made.setup(corpus_of(*texts))
    return made


def test_texts_and_back(units: PieceUnits, texts: list[str], embedded_corpus: Path) -> None:
    assert len(units) == COUNT + 1 == len(set(units.symbols)) and units.symbols[0] == ""
    tested = (embedded_corpus / "test" / "text").read_text().splitlines()
    assert len(texts) > 300 and len(tested) > 100
    for text in [*texts, *(line.partition("\t")[2] for line in tested)]:
        ids = units.encode(text)
        assert units.words(ids) == text.split() and len(ids) < len(text) and min(ids) > 0
    assert units.encode("  he  was ") == units.encode("HE WAS")
    assert units.encode("") == [] and units.words([]) == []
    # of what a recogniser writes, nothing need begin with a word
    assert units.words([units.place[piece] for piece in ("HE", MARK + "WAS", "E")]) == [
        "HE",
        "WASE",
    ]


def test_frequent_words_are_whole(units: PieceUnits) -> None:
    assert len(units.encode("THE YOU NOT")) == 3
    assert len(units.encode("QUIXOTIC")) > 4


def test_the_units_are_those_of_sentencepiece(texts: list[str], units: PieceUnits) -> None:
    model = BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=model,
        model_type="bpe",
        vocab_size=COUNT + 1,
        character_coverage=1.0,
        unk_id=0,
        bos_id=-1,
        eos_id=-1,
        minloglevel=2,
    )
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    strange = [text[::-1] for text in texts]
    for text in [*texts, *strange, "BANANANANA", "AAAA AAA A"]:
        assert units.encode(text) == processor.encode(text), text


def test_the_same_texts_give_the_same_pieces(texts: list[str], units: PieceUnits) -> None:
    assert learn_pieces(texts, COUNT) == list(units.symbols[1:]) == learn_pieces(iter(texts), COUNT)
    assert learn_pieces([text.lower() for text in texts], COUNT) == list(units.symbols[1:])
    assert learn_pieces(texts[:200], COUNT) != list(units.symbols[1:])


def test_one_long_text_counts() -> None:
    assert MARK + "ABCD" in learn_pieces(["abcd " * 3000], 9)


def test_targets(units: PieceUnits) -> None:
    found = units.targets(SceneBatch(["a", "b"], texts=[["THE", ""], ["NOT", "THE YOU"]]))
    assert found.counts.tolist() == [[1, 0], [1, 2]] and found.known.all() and found.spans is None
    assert found.ids[1, 1].tolist() == [units.place[MARK + "THE"], units.place[MARK + "YOU"]]


@pytest.mark.parametrize(("text", "character"), [("ROUTE 7", "7"), ("A▁B", "▁"), ("NAÏVE", "Ï")])
def test_strange_characters(units: PieceUnits, text: str, character: str) -> None:
    with pytest.raises(DataError, match=f"text '{text}': found the character '{character}'"):
        units.encode(text)


def test_other_pieces_are_kept(units: PieceUnits) -> None:
    """What a checkpoint brought stays; a corpus that it cannot write is refused at once."""
    other = PieceUnits(COUNT)
    other.load_state_dict(units.state_dict())
    assert other.symbols == units.symbols and other.encode("THE BEAR") == units.encode("THE BEAR")
    other.setup(corpus_of("A BEAR"))
    assert other.symbols == units.symbols and other.codes.equal(units.codes)
    with pytest.raises(DataError, match=r"u0001: found the character 'ẞ' in 'GAUẞ' \(1 of 2"):
        other.setup(corpus_of("A BEAR", "GAUẞ"))


def test_characters_beyond_the_first_plane() -> None:
    units = PieceUnits(5)
    units.setup(corpus_of("𠀀𠀁 𠀀𠀁 𠀀𠀁"))
    assert MARK + "𠀀𠀁" in units.symbols and units.words(units.encode("𠀁𠀀")) == ["𠀁𠀀"]


@pytest.mark.parametrize(
    ("count", "texts", "told"),
    [
        (100, ["AB AB"], "units.pieces: found 100; expected 6 or fewer, the most"),
        (2, ["AB AB"], "units.pieces: found 2; expected 3 or more, the characters of the texts"),
        (5, ["", "  "], "data.train: found no texts"),
    ],
)
def test_impossible_counts(count: int, texts: list[str], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        PieceUnits(count).setup(corpus_of(*texts))
    with pytest.raises(ConfigError, match="1 or more"):
        PieceUnits(0)


def test_the_largest_count_can_be_learnt() -> None:
    assert sorted(learn_pieces(["AB AB"], 6)) == ["A", "AB", "B", MARK, MARK + "A", MARK + "AB"]
    assert sorted(learn_pieces(["AB AB"], 3)) == ["A", "B", MARK]


def test_without_the_package(monkeypatch: pytest.MonkeyPatch, units: PieceUnits) -> None:
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    with pytest.raises(ConfigError, match=r"no package sentencepiece.*recognition"):
        PieceUnits(5).setup(corpus_of("AB"))
    other = PieceUnits(COUNT)
    other.load_state_dict(units.state_dict())
    other.setup(corpus_of("THE"))
    assert torch.equal(other.codes, units.codes) and other.words(other.encode("THE")) == ["THE"]
