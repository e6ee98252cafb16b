"""Lists of overlapped speech: rendered as their definition says, refused where they cannot be."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from joint.data.corpus import Corpus
from joint.data.opening import open_corpus
from joint.errors import AudioError, DataError
from tasks.recognition.conversations.lists import (
    Conversation,
    Conversations,
    Turn,
    genders,
    overlap_ratio,
    render,
    write_conversations,
)

HEADER = "mix_id,first,second,delay_samples,enrollment_first,enrollment_second\n"
A, A2, B, C = "000050003", "000050024", "007390013", "010290066"
"""Utterances of the embedded test split: two of a boy's, one of a man's, one of another's."""


@pytest.fixture(scope="module")
def folder(embedded_corpus: Path) -> Corpus:
    return open_corpus(embedded_corpus / "test")


def loaded(folder: Path, text: str) -> Conversations:
    path = folder / "list.csv"
    path.write_text(text, encoding="utf-8")
    return Conversations.load(path)


def samples(folder: Corpus, name: str) -> np.ndarray:
    return soundfile.read(folder.by_id[name].path)[0]


def test_a_published_list_of_two_is_read_and_rendered(folder: Corpus, tmp_path: Path) -> None:
    """Both whole, as recorded, the second `delay_samples` later; the end is the later one."""
    conversations = loaded(tmp_path, HEADER + f"ovl0,{A},{B},8803,{A2},007390019\n")
    conversations.check(folder)
    (row,) = conversations
    assert row == Conversation("ovl0", (Turn(A, 0, A2), Turn(B, 8803, "007390019")))
    mixture, texts = render(row, folder)
    first, second = samples(folder, A), samples(folder, B)
    expected = np.zeros(max(len(first), 8803 + len(second)))
    expected[: len(first)] = first
    expected[8803 : 8803 + len(second)] += second
    assert mixture.dtype == np.float32 and np.allclose(mixture, expected, atol=1e-6)
    assert texts == ("MIKE LIKES THE WHITE ONE", folder.by_id[B].text) and texts[1]


def test_three_speakers_levels_and_rows_of_fewer(folder: Corpus, tmp_path: Path) -> None:
    text = (
        "mix_id,first,second,third,delay_second,delay_third,enrollment_second,gain_db_third\n"
        f"m3,{A},{B},{C},0,32000,007390019,-6\n"
        f"m2,{A},{B},,500,,,\n"
        f"m1,{A},,,,,,\n"
    )
    rows = loaded(tmp_path, text).rows
    assert [len(row.turns) for row in rows] == [3, 2, 1]
    assert rows[0].turns == (Turn(A), Turn(B, 0, "007390019"), Turn(C, 32000, None, -6.0))
    assert [row.line for row in rows] == [2, 3, 4]
    mixture = render(rows[0], folder).mixture
    alone = [render(Conversation("x", (turn,)), folder).mixture for turn in rows[0].turns]
    end = len(alone[2])  # its start is in it
    assert len(mixture) == max(len(alone[0]), len(alone[1]), end)
    without = render(Conversation("x", rows[0].turns[:2]), folder).mixture
    padded = np.pad(without, (0, len(mixture) - len(without)))
    assert np.allclose((mixture - padded)[32000:end], 10**-0.3 * samples(folder, C), atol=1e-6)


@pytest.mark.parametrize(
    "rows",
    [
        [Conversation("m", (Turn(A),))],
        [Conversation("m", (Turn(A, 0, A2), Turn(B, 7))), Conversation("n", (Turn(B), Turn(A, 9)))],
        [
            Conversation("m", (Turn(A), Turn(B, 1, None, -3.5), Turn(C, 1, "x"))),
            Conversation("n", (Turn(A),)),
        ],
    ],
)
def test_written_and_read_again(rows: list[Conversation], tmp_path: Path) -> None:
    write_conversations(tmp_path / "list.csv", rows)
    assert list(Conversations.load(tmp_path / "list.csv")) == rows
    header = (tmp_path / "list.csv").read_text().splitlines()[0]
    assert ("delay_samples" in header) == (len(rows[0].turns) == 2)
    assert ("gain" in header) == (len(rows[0].turns) == 3)


def test_overlap_and_genders(folder: Corpus) -> None:
    lengths = {name: len(samples(folder, name)) for name in (A, B, C)}
    assert overlap_ratio(Conversation("m", (Turn(A),)), folder) == 0
    start = lengths[A] - 4000
    found = overlap_ratio(Conversation("m", (Turn(A), Turn(B, start))), folder)
    assert found == pytest.approx(4000 / (start + lengths[B]))
    apart = Conversation("m", (Turn(A), Turn(B, lengths[A] + 16000)))
    assert overlap_ratio(apart, folder) == 0  # one after the other is allowed
    talking = np.zeros((3, 10 + max(lengths.values())), dtype=bool)
    turns = (Turn(A), Turn(B, 5), Turn(C, 10))
    for own, turn in zip(talking, turns, strict=True):
        own[turn.start : turn.start + lengths[turn.utterance]] = True
    total = talking.any(axis=0).sum()
    expected = (talking.sum(axis=0) > 1).sum() / total
    assert overlap_ratio(Conversation("m", turns), folder) == pytest.approx(expected)
    assert genders(Conversation("m", turns), folder) == ("m", "m", "m")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no column mix_id .an empty file."),
        ("mix_id\n", "no column first"),
        (HEADER, "no rows"),
        ("mix_id,first,second\nm,a,b\n", "no column delay_second"),
        ("mix_id,first,third,delay_third\nm,a,b,0\n", "no column second"),
        (HEADER + "m,a,b,0,,\nm,a,b,1,,\n", "csv:3: found m a second time"),
        (HEADER + "../m,a,b,0,,\n", "csv:2: .*without folders"),
        (HEADER + "m,a,b,0,,\nn,a,b,0,,,5\n", "csv:3: found 7 fields; expected 6"),
        (HEADER + "m,,b,0,,\n", "csv:2: found nothing under first"),
        (HEADER + "m,a,,100,,\n", "csv:2: found nothing under second"),
        (HEADER + "m,a,b,,,\n", "csv:2: found delay_samples ''"),
        (HEADER + "m,a,b,-5,,\n", "csv:2: found delay_samples '-5'.* 0 or more"),
        (HEADER + "m,a,b,1.5,,\n", "delay_samples '1.5'"),
        ("mix_id,first,gain_db_first\nm,a,loud\n", "gain_db_first 'loud'"),
        (
            "mix_id,first,second,third,delay_second,delay_third\nm,a,b,c,9,8\n",
            "csv:2: found delay_third 8 after one of 9; expected speakers in order",
        ),
        (
            "mix_id,first,second,third,delay_second,delay_third\nm,a,,c,,8\n",
            "csv:2: found nothing under second",
        ),
    ],
)
def test_a_bad_list_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        loaded(tmp_path, text)


def test_what_is_not_a_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        Conversations.load(tmp_path / "nowhere.csv")
    (tmp_path / "audio").write_bytes(b"OggS\x00\xff\xfe\x80")
    with pytest.raises(DataError, match="not text"):
        Conversations.load(tmp_path / "audio")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (f"m,{A},nobody,0,,", "csv:2: found unknown utterance nobody; expected one of .*test"),
        (f"m,{A},{B},0,nobody,", "csv:2: found unknown utterance nobody"),
        (f"m,{A},{A2},0,,", "csv:2: found speaker 0005 twice"),
        (f"m,{A},{B},0,{B},", f"csv:2: found {B} of 0739 to enrol 0005"),
        (f"m,{A},{B},0,,{B}", f"csv:2: found {B} as its own enrolment"),
    ],
)
def test_a_list_that_does_not_fit_its_folder(
    row: str, words: str, folder: Corpus, tmp_path: Path
) -> None:
    conversations = loaded(tmp_path, HEADER + row + "\n")
    with pytest.raises(DataError, match=words):
        conversations.check(folder)


def test_a_missing_recording_is_named(folder: Corpus, tmp_path: Path) -> None:
    gone = Corpus([replace(folder.by_id[A], path=str(tmp_path / "gone.ogg"))], tmp_path)
    with pytest.raises(AudioError, match=r"gone\.ogg: found no such file"):
        render(Conversation("m", (Turn(A),)), gone)
