"""UEM files: which regions are read, and what is refused."""

from pathlib import Path

import pytest

from joint.errors import DataError
from tasks.diarization.uem import read_uem


def test_regions_are_in_order_and_joined(tmp_path: Path) -> None:
    path = tmp_path / "x.uem"
    content = "\ufeff;; a comment\r\nb NA 0.000 30.000\r\n\r\na 1 10 20.5\na 1 2.25 3\n"
    path.write_bytes(content.encode() + b"a 1 20.5 21\n")
    assert read_uem(path) == {"b": [(0, 480_000)], "a": [(36_000, 48_000), (160_000, 336_000)]}


@pytest.mark.parametrize(
    "line, found",
    [
        ("a 1 0", "3 fields"),
        ("a 1 0 1 2", "5 fields"),
        ("a 1 zero 1", "time 'zero'"),
        ("a 1 0 nan", "time 'nan'"),
        ("a 1 2 1", "2 to 1 s"),
        ("a 1 1 1", "1 to 1 s"),
        ("a 1 -1 1", "-1 to 1 s"),
    ],
)
def test_malformed_lines(tmp_path: Path, line: str, found: str) -> None:
    path = tmp_path / "x.uem"
    path.write_text(f"b 1 0 1\n{line}\n")
    with pytest.raises(DataError, match=rf"x\.uem:2: found {found}"):
        read_uem(path)


def test_no_file_and_no_text(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="unreadable"):
        read_uem(tmp_path / "none.uem")
    (tmp_path / "x.uem").write_bytes(b"a 1 0 1\ncaf\xe9 1 0 1\n")
    with pytest.raises(DataError, match=r"x\.uem:2: found bytes"):
        read_uem(tmp_path / "x.uem")
