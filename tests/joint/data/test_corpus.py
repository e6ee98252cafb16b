"""A corpus: the utterances of a manifest folder, or one line about what is wrong with it."""

import gzip
import shutil
from pathlib import Path

import pytest

from joint.audio import read_audio
from joint.data.corpus import RECORDINGS, SUPERVISIONS
from joint.data.opening import open_corpus
from joint.errors import DataError


@pytest.fixture
def folder(prepared: Path, tmp_path: Path) -> Path:
    for name in (RECORDINGS, SUPERVISIONS):
        shutil.copy(prepared / "test" / name, tmp_path / name)
    return tmp_path


def test_the_embedded_corpus(prepared: Path) -> None:
    corpus = open_corpus(prepared / "train")
    assert len(corpus) == 396 and len(corpus.speakers) == 36
    assert [u.id for u in corpus.utterances] == sorted(u.id for u in corpus.utterances)
    assert sorted(i for own in corpus.of_speaker for i in own) == list(range(396))
    for speaker, own in enumerate(corpus.of_speaker):
        assert {corpus.utterances[i].speaker for i in own} == {corpus.speakers[speaker]}
    assert {u.gender for u in corpus.utterances} == {"f", "m"}
    assert {u.age_group for u in corpus.utterances} == {"child", "adult"}
    assert all(u.text for u in corpus.utterances)


def test_lengths_are_the_files(prepared: Path) -> None:
    for utterance in open_corpus(prepared / "test").utterances[::20]:
        assert abs(utterance.samples - len(read_audio(utterance.path))) <= 1


@pytest.mark.parametrize("name", [RECORDINGS, SUPERVISIONS])
def test_a_missing_manifest(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(DataError, match=f"{name}.*joint prepare"):
        open_corpus(folder)


def test_an_unreadable_manifest(folder: Path) -> None:
    (folder / RECORDINGS).write_bytes(b"words")
    with pytest.raises(DataError, match="unreadable"):
        open_corpus(folder)


def test_a_supervision_without_its_recording(folder: Path) -> None:
    with gzip.open(folder / RECORDINGS, "rt") as file:
        lines = file.readlines()
    with gzip.open(folder / RECORDINGS, "wt") as file:
        file.writelines(lines[1:])
    with pytest.raises(DataError, match="alone"):
        open_corpus(folder)


def test_nobody_speaks(folder: Path) -> None:
    for name in (RECORDINGS, SUPERVISIONS):
        with gzip.open(folder / name, "wt"):
            pass
    with pytest.raises(DataError):
        open_corpus(folder)
