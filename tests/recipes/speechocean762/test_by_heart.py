"""Twenty utterances learnt by heart, for a moment."""

from pathlib import Path

import pytest

from joint.errors import DataError
from recipes.speechocean762.studies.by_heart import learn, main


def test_a_moment(aligned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("meeteval")
    main([str(aligned), str(tmp_path / "out"), "--minutes", "0.02"])
    lines = capsys.readouterr().out.splitlines()
    figures = dict(line.split(": ") for line in lines[-6:])
    assert figures["utterances"] == "20" and float(figures["words"]) > 40
    assert float(figures["word_error_percent"]) > 50.0
    first = (tmp_path / "out" / "run" / "model.safetensors").stat().st_mtime_ns
    assert learn(aligned, tmp_path / "out", 0.02)["utterances"] == 20.0
    assert (tmp_path / "out" / "run" / "model.safetensors").stat().st_mtime_ns >= first


def test_too_few(prepared: Path, tmp_path: Path) -> None:
    from joint.data.corpus import Corpus
    from joint.data.prepare.subset import write_subset

    names = [u.id for u in Corpus.load(prepared / "train").utterances[:9]]
    part = write_subset(prepared / "train", names, tmp_path / "part")
    with pytest.raises(DataError, match="4 of 5 people each"):
        learn(part, tmp_path / "out", 0.02)
    assert not (tmp_path / "out").exists()
