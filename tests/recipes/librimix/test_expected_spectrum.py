"""The study of the TF-Map: a table of cosines, on real speech nearer to the target."""

from pathlib import Path

import pytest

from recipes.librimix.studies.expected_spectrum import main


def test_the_map_is_nearer_to_the_target(
    embedded_corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main([str(embedded_corpus / "test"), "--limit", "6"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "| sharpness | target | interferer | difference |" and len(lines) == 7
    rows = [[float(cell) for cell in line.strip("|").split("|")] for line in lines[2:]]
    assert all(-1 <= value <= 1 for row in rows for value in row[1:])
    assert all(target > other for _, target, other, _ in rows)
