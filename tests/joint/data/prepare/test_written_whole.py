"""What a preparation replaces, and what it leaves."""

from pathlib import Path

import pytest

from joint.data.prepare.manifests import written_whole
from joint.errors import DataError


def content(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(folder.name)


@pytest.mark.parametrize("kept", [None, "audio"])
def test_a_folder_that_stays(kept: str | None, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(out, "skipped.tsv", "audio/a", "train/a", "validation/a")
    with written_whole(out, kept) as partial:
        write(partial, "skipped.tsv", "train/b")
    assert set(content(out)) == {"skipped.tsv", "train/b", *(["audio/a"] if kept else [])}
    assert content(out)["skipped.tsv"] != "out"
    before = content(out)
    with pytest.raises(KeyboardInterrupt), written_whole(out, kept) as partial:
        write(partial, "skipped.tsv", "train/c")
        raise KeyboardInterrupt
    assert content(out) == before and list(tmp_path.iterdir()) == [out]


def test_the_folder_that_stays_may_be_all_there_is(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(out, "audio/a")
    with pytest.raises(DataError, match="other content"), written_whole(out):
        pass
    with written_whole(out, "audio") as partial:
        write(partial, "skipped.tsv", "train/b")
    assert set(content(out)) == {"skipped.tsv", "audio/a", "train/b"}
    (out / "skipped.tsv").unlink()
    with pytest.raises(DataError, match="other content"), written_whole(out, "audio"):
        pass
