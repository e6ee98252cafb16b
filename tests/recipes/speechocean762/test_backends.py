"""The table of back-ends on the embedded corpus, by an untrained encoder."""

import shutil
from pathlib import Path

from recipes.speechocean762.studies.backends import compare


def test_a_line_for_each(
    prepared: Path, embedded_corpus: Path, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(prepared / "train", data / "train")
    shutil.copytree(prepared / "test", data / "validation")
    rows = compare(str(tiny_checkpoint), data, embedded_corpus / "test", top=20).splitlines()
    assert len(rows) == 2 + 2 * 4 * 3
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert cells[0][0] == "back-end, norm" and all(len(row) == 7 for row in cells)
    by_name = {row[0]: row[1:] for row in cells[2:]}
    assert by_name["cosine, none"][4] == "–" and float(by_name["cosine, none, calibrated"][4]) < 1.1
    # held-out and test are the same recordings here
    assert all(row[0] == row[2] and 0 < float(row[0]) < 60 for row in by_name.values())
