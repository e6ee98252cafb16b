"""Trials files: what is read, and what is refused in one line."""

from pathlib import Path

import numpy as np
import pytest

from joint.data.corpus import Corpus, Utterance
from joint.errors import DataError
from tasks.verification.trials import Trials


def written(folder: Path, text: str) -> Path:
    path = folder / "trials"
    path.write_text(text, encoding="utf-8")
    return path


def folder_of(*names: str) -> Corpus:
    people = {name: Utterance(name, Path(f"{name}.wav"), "s", "") for name in names}
    return Corpus(list(people.values()), "somewhere")


def test_a_trials_file_is_read(tmp_path: Path):
    trials = Trials.load(written(tmp_path, "1 a b\n0 a c\n\ntarget b\tb\nnontarget c b\n"))
    assert trials.labels.tolist() == [True, False, True, False]
    assert trials.names == ["a", "b", "c"]
    assert (trials.first.tolist(), trials.second.tolist()) == ([0, 0, 1, 2], [1, 2, 1, 1])
    assert len(trials.keep(np.array([1, 2]))) == 2
    first, second = trials.positions({"b": 7, "a": 5})
    assert (first.tolist(), second.tolist()) == ([5, 5, 7, -1], [7, -1, 7, 7])
    assert trials.present({"b": 7, "a": 5}).tolist() == [True, False, True, False]
    trials.check(folder_of("a", "b", "c"))
    marked = Trials.load(written(tmp_path, "\ufeff1 a b\n0 a c\n"))
    assert marked.names == ["a", "b", "c"] and marked.labels.tolist() == [True, False]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no trials"),
        ("\n\n", "no trials"),
        ("1 a b\n1 a c\n", "2 trials, all target"),
        ("0 a b\n", "1 trials, all non-target"),
        ("1 a b\n0 a\n", "trials:2: found '0 a'"),
        ("1 a b\n2 a c\n", "trials:2"),
        ("a b 1\n", "LABEL UTT1 UTT2"),
        ("1 a b\n0 a\n0 1 c d\n", "trials:2: found '0 a'"),  # six words on two lines
        ("1 a b\r\n0 a c\r\n1 a\r\n", "trials:3"),
    ],
)
def test_a_bad_trials_file_is_refused(tmp_path: Path, text: str, words: str):
    with pytest.raises(DataError, match=words):
        Trials.load(written(tmp_path, text))


def test_what_is_not_a_text_file_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match="No such file"):
        Trials.load(tmp_path / "nowhere")
    (tmp_path / "audio").write_bytes(b"OggS\x00\xff\xfe\x80")
    with pytest.raises(DataError, match="not UTF-8"):
        Trials.load(tmp_path / "audio")


def test_spaces_make_no_difference(tmp_path: Path):
    rows = [(i % 2, f"speaker-{i % 7}", f"speaker-{i % 11}") for i in range(300)]
    text = "".join("{} {} {}\n".format(*row) for row in rows)
    regular = Trials.load(written(tmp_path, text))
    irregular = Trials.load(
        written(tmp_path, "\n" + text.replace(" ", "\t ").replace("\n", " \r\n"))
    )
    for trials in (regular, irregular):
        assert trials.labels.tolist() == [label == 1 for label, _, _ in rows]
        assert [trials.names[i] for i in trials.first] == [first for _, first, _ in rows]
        assert [trials.names[i] for i in trials.second] == [second for _, _, second in rows]
        assert len(trials.names) == 11
    with pytest.raises(DataError, match=r"trials:301: found 'x'"):
        Trials.load(written(tmp_path, text + "x\n"))


@pytest.mark.parametrize("line", ["1 a ", "1 a\tb c", " 1 a", "1 a b c"])
def test_what_a_reader_of_columns_would_take_is_refused(tmp_path: Path, line: str):
    with pytest.raises(DataError, match="trials:2: found"):
        Trials.load(written(tmp_path, f"0 a b\n{line}\n"))


def test_an_unknown_utterance_is_named(tmp_path: Path):
    trials = Trials.load(written(tmp_path, "1 a b\n0 a stranger\n"))
    with pytest.raises(DataError, match=r"trial 2: found unknown utterance stranger"):
        trials.check(folder_of("a", "b"))
