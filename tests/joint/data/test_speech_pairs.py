"""Lists of sentences and conversions: what is read, and what is refused."""

from pathlib import Path

import pytest

from joint.data.corpus import Corpus, Utterance
from joint.data.prepare.speech_pairs import write_pairs
from joint.data.speech_pairs import SpeechPair, SpeechPairs
from joint.errors import DataError

ROWS = [SpeechPair("s0", "ONE TWO", "a0", "a1"), SpeechPair("s1", "THREE\tFOUR", "b0", "b1")]
CORPUS = Corpus([Utterance(f"{s}{i}", "none.wav", s) for s in "ab" for i in range(2)], "here")


def test_a_written_list_is_read_back(tmp_path: Path) -> None:
    write_pairs(tmp_path / "list.tsv", ROWS)
    read = SpeechPairs.load(tmp_path / "list.tsv")
    assert read.rows == (ROWS[0], SpeechPair("s1", "THREE FOUR", "b0", "b1"))
    read.check(CORPUS, same_speaker=True)


def test_quotes_are_part_of_a_text(tmp_path: Path) -> None:
    row = SpeechPair("s0", '"NO', "a0", "a1")
    write_pairs(tmp_path / "list.tsv", [row])
    assert SpeechPairs.load(tmp_path / "list.tsv").rows == (row,)


HEAD = "id\ttext\tsource\treference\n"


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("", "no column id"),
        ("id\ttext\tsource\n", "no column reference"),
        (HEAD, "no rows"),
        (f"{HEAD}s0\tONE\ta0\t\n", "nothing under reference"),
        (f"{HEAD}s0\tONE\ta0\ta1\textra\n", "5 fields"),
        (f"{HEAD}s0\tONE\ta0\ta1\ns0\tTWO\tb0\tb1\n", "s0 repeated"),
        (f"{HEAD}../s0\tONE\ta0\ta1\n", "a plain name"),
    ],
)
def test_refused(tmp_path: Path, content: str, found: str) -> None:
    path = tmp_path / "list.tsv"
    path.write_text(content)
    with pytest.raises(DataError, match=found):
        SpeechPairs.load(path)


def test_utterances_and_speakers_are_checked(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        SpeechPairs.load(tmp_path / "none.tsv")
    listed = SpeechPairs(tmp_path, (SpeechPair("s0", "ONE", "a0", "c7"),))
    with pytest.raises(DataError, match="s0: found unknown utterance c7"):
        listed.check(CORPUS)
    crossed = SpeechPairs(tmp_path, (SpeechPair("s0", "ONE", "a0", "b1"),))
    crossed.check(CORPUS, same_speaker=False)
    with pytest.raises(DataError, match="by a and b; expected the same speaker"):
        crossed.check(CORPUS, same_speaker=True)
    with pytest.raises(DataError, match="by a; expected two speakers"):
        SpeechPairs(tmp_path, (ROWS[0],)).check(CORPUS, same_speaker=False)
