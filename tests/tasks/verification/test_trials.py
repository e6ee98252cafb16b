"""Trials files: what is read, and what is refused in one line."""

from pathlib import Path

import pytest

from joint.data.kaldi import KaldiFolder, KaldiUtterance
from joint.errors import DataError
from tasks.verification.trials import Trials


def written(folder: Path, text: str) -> Path:
    path = folder / "trials"
    path.write_text(text, encoding="utf-8")
    return path


def folder_of(*names: str) -> KaldiFolder:
    people = {name: KaldiUtterance(name, Path(f"{name}.wav"), "s", "") for name in names}
    return KaldiFolder(Path("somewhere"), people)


def test_a_trials_file_is_read(tmp_path: Path):
    trials = Trials.load(written(tmp_path, "1 a b\n0 a c\n\ntarget b\tb\nnontarget c b\n"))
    assert trials.labels.tolist() == [True, False, True, False]
    assert (trials.first, trials.second) == (["a", "a", "b", "c"], ["b", "c", "b", "b"])
    assert trials.utterances() == ["a", "b", "c"]
    assert len(trials.keep([1, 2])) == 2
    trials.check(folder_of("a", "b", "c"))


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
    ],
)
def test_a_bad_trials_file_is_refused(tmp_path: Path, text: str, words: str):
    with pytest.raises(DataError, match=words):
        Trials.load(written(tmp_path, text))


def test_what_is_not_a_text_file_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match="No such file"):
        Trials.load(tmp_path / "nowhere")
    (tmp_path / "audio").write_bytes(b"OggS\x00\xff\xfe\x80")
    with pytest.raises(DataError, match="not text"):
        Trials.load(tmp_path / "audio")


def test_an_unknown_utterance_is_named(tmp_path: Path):
    trials = Trials.load(written(tmp_path, "1 a b\n0 a stranger\n"))
    with pytest.raises(DataError, match=r"trial 2: found unknown utterance stranger"):
        trials.check(folder_of("a", "b"))
