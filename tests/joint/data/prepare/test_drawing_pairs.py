"""Lists for synthesis and conversion, drawn from the embedded corpus and from planned speakers."""

from collections import Counter
from pathlib import Path

import pytest
from support import Command

from joint.data.corpus import Corpus
from joint.data.opening import open_corpus
from joint.data.prepare.speech_pairs import (
    Candidate,
    draw_conversions,
    draw_sentences,
    write_speech_pairs,
)
from joint.data.prepare.tables import lists_of
from joint.data.speech_pairs import CONVERSIONS, SENTENCES, SpeechPairs


@pytest.fixture(scope="module")
def corpus(prepared: Path) -> Corpus:
    return open_corpus(prepared / "test")


@pytest.fixture(scope="module")
def sentences(prepared: Path) -> SpeechPairs:
    return SpeechPairs.load(prepared / "test" / SENTENCES)


@pytest.fixture(scope="module")
def conversions(prepared: Path) -> SpeechPairs:
    return SpeechPairs.load(prepared / "test" / CONVERSIONS)


def test_preparing_writes_both_for_the_test_set_alone(prepared: Path) -> None:
    names = {path.name for path in lists_of(prepared / "test")}
    assert {SENTENCES, CONVERSIONS} <= names
    assert not (prepared / "train" / SENTENCES).exists()


def test_lengths_and_texts(
    corpus: Corpus, sentences: SpeechPairs, conversions: SpeechPairs
) -> None:
    for row in [*sentences, *conversions]:
        source, reference = corpus.by_id[row.source], corpus.by_id[row.reference]
        assert row.text == source.text != reference.text
        assert 4 <= len(row.text.split()) <= 25
        assert 2.5 <= source.seconds <= 12 and reference.seconds >= 3
    for listed in (sentences, conversions):
        assert len({row.source for row in listed}) == len(listed) == 100


def test_speakers_are_balanced(
    corpus: Corpus, sentences: SpeechPairs, conversions: SpeechPairs
) -> None:
    sentences.check(corpus, same_speaker=True)
    conversions.check(corpus, same_speaker=False)
    first = Counter(corpus.by_id[row.source].speaker for row in sentences.rows[:48])
    assert set(first.values()) == {4} and len(first) == 12
    targets = Counter(corpus.by_id[row.reference].speaker for row in conversions)
    assert max(targets.values()) - min(targets.values()) <= 2
    genders = [{corpus.by_id[name].gender for name in (r.source, r.reference)} for r in conversions]
    assert sum(len(pair) == 1 for pair in genders) == 50


def test_a_seed_gives_one_list(prepared: Path, tmp_path: Path) -> None:
    for name in ("recordings.jsonl.gz", "supervisions.jsonl.gz"):
        (tmp_path / name).write_bytes((prepared / "test" / name).read_bytes())
    drawn = []
    for seed in (1, 1, 2):
        write_speech_pairs(tmp_path, 7, seed)
        drawn.append((tmp_path / SENTENCES).read_text() + (tmp_path / CONVERSIONS).read_text())
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0].count("\n") == 16


def speaker(name: str, chapters: str, seconds: float = 5.0) -> list[Candidate]:
    return [
        Candidate(f"{name}{i}", name, f"WORDS OF {name} {i}", seconds, "f", chapter)
        for i, chapter in enumerate(chapters)
    ]


def test_the_reference_is_of_another_chapter_where_there_is_one() -> None:
    people = speaker("two", "xxxy") + speaker("one", "zzzz")
    chapters = {c.id: c.chapter for c in people}
    rows = draw_sentences(people, 100, 3)
    assert len(rows) == 8
    for row in rows:
        alone = row.source.startswith("one")
        assert (chapters[row.source] == chapters[row.reference]) == alone
        assert row.source != row.reference


def test_fewer_where_there_are_not_so_many(tmp_path: Path) -> None:
    assert draw_sentences(speaker("a", "x"), 5, 0) == []
    assert draw_sentences(speaker("a", "xy", seconds=2.9), 5, 0) == []
    assert draw_conversions(speaker("a", "xy"), 5, 0) == []
    assert len(draw_conversions(speaker("a", "xy") + speaker("b", "x"), 5, 0)) == 3


def test_the_command_asks_for_a_number(
    joint_command: Command, embedded_corpus: Path, tmp_path: Path
) -> None:
    for number in (5, 0):
        out = tmp_path / str(number)
        done = joint_command(
            "prepare", "speechocean762", embedded_corpus, out, "--sentences", number
        )
        assert done.code == 0, done
        assert (out / "test" / SENTENCES).exists() == bool(number)
    assert len(SpeechPairs.load(tmp_path / "5" / "test" / CONVERSIONS)) == 5
