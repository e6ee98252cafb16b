"""The overfitting study, with a training of a second."""

from pathlib import Path

import pytest

from joint.data.opening import open_corpus
from joint.data.prepare.subset import write_subset
from joint.errors import DataError
from joint.training import checkpoint
from recipes.speechocean762.studies.memorization import main, memorize

KINDS = ("substitutions", "deletions", "insertions")


def test_a_moment(aligned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("meeteval")
    main([str(aligned), str(tmp_path / "out"), "--minutes", "0.02"])
    lines = capsys.readouterr().out.splitlines()
    figures = dict(line.split(": ") for line in lines[-6:])
    texts = [u.text.split() for u in open_corpus(tmp_path / "out" / "data").utterances]
    assert figures["utterances"] == "20" and int(figures["words"]) == sum(map(len, texts))
    parts = [float(figures[f"word_error_{kind}_percent"]) for kind in KINDS]
    assert sum(parts) == pytest.approx(float(figures["word_error_percent"]), abs=1e-3)
    # a second run continues the first: its time is over, no further step is taken
    model = tmp_path / "out" / "run" / "model.safetensors"
    before = checkpoint.read(model)[1]["trained"]
    assert memorize(aligned, tmp_path / "out", 0.001)["utterances"] == 20.0
    assert checkpoint.read(model)[1]["trained"]["steps"] >= before["steps"] > 0


def test_too_few(prepared: Path, tmp_path: Path) -> None:
    names = [u.id for u in open_corpus(prepared / "train").utterances[:9]]
    part = write_subset(prepared / "train", names, tmp_path / "part")
    with pytest.raises(DataError, match="4 of 5 speakers each"):
        memorize(part, tmp_path / "out", 0.02)
    assert not (tmp_path / "out").exists()
