"""Files are written whole or not at all."""

import os
from pathlib import Path

import pytest

from joint.errors import JointError
from joint.files import atomic_path, atomic_write, file_name, write_json


def test_makes_folders_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "file.txt"
    atomic_write(path, "first")
    atomic_write(path, b"second")
    assert path.read_text() == "second"
    assert os.listdir(path.parent) == ["file.txt"]


def test_an_error_leaves_the_former_file(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("former")
    with pytest.raises(KeyboardInterrupt), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "former"
    assert os.listdir(tmp_path) == ["file.txt"]


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "file" / "below"):
        with pytest.raises(JointError, match="can be written"):
            atomic_write(path, "text")
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("place", [".", "..", "/", "missing/.."])
def test_a_path_without_a_name(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(JointError, match="found a folder"):
        atomic_write(place, "text")
    assert not os.listdir(tmp_path)


def test_json_has_null_for_what_is_no_number(tmp_path: Path) -> None:
    import json

    import numpy as np

    figures = {"a": np.float32(0.5), "b": float("nan"), "by_group": {"f": {"a": np.int64(3)}}}
    write_json(tmp_path / "f.json", figures)
    read = json.loads((tmp_path / "f.json").read_text())
    assert read == {"a": 0.5, "b": None, "by_group": {"f": {"a": 3}}}


@pytest.mark.parametrize(
    "name, expected",
    [
        ("Anna", "Anna"),
        ("王 小明", "王 小明"),
        ("..", "%2E."),
        ("../a", "%2E.%2Fa"),
        ("a/b\\c%", "a%2Fb%5Cc%25"),
        (".hidden", "%2Ehidden"),
    ],
)
def test_a_name_as_that_of_a_file(name: str, expected: str) -> None:
    assert file_name(name) == expected


def test_long_names_stay_apart(tmp_path: Path) -> None:
    """A hundred characters of three bytes, or of three signs each, are too many."""
    names = [start + end for start in ("王" * 99, "/" * 99) for end in "ab"]
    files = [file_name(name) for name in names]
    assert len(set(files)) == 4
    for file in files:
        (tmp_path / f"{file}.wav").write_text("")
        assert len(file.encode()) <= 200
