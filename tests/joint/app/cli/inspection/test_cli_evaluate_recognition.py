"""`joint evaluate recognition` with recognisers that are hardly trained."""

import json
from pathlib import Path

import pytest
from support import Command, Refused


def test_evaluate(recogniser: Path, tested: Path, joint_command: Command, tmp_path: Path) -> None:
    pytest.importorskip("meeteval")
    base = ("evaluate", "recognition", "--checkpoint", recogniser, "--data", tested)
    listed = ("--conversations", tested / "mix2_recognition.csv", "--limit", 2)
    out, written = tmp_path / "figures.json", tmp_path / "transcripts.json"
    done = joint_command(*base, *listed, "--mode", "simo", "--json", out, "--transcripts", written)
    assert done.code == 0, done
    figures = json.loads(out.read_text())
    assert figures["counted_in"] == "phones" and figures["conversations"] == 2
    assert figures["error_percent"] > 50.0 and "person_error_percent" not in figures
    assert {len(row["hypotheses"]) for row in json.loads(written.read_text()).values()} == {2}
    done = joint_command(*base, *listed, "--mode", "target", "--json", out)
    figures = json.loads(out.read_text())
    assert done.code == 0 and figures["counted_in"] == "words"
    assert figures["person_error_percent"] > 50.0 and 0.0 <= figures["silent_share"] <= 1.0


def test_evaluate_names(
    recogniser: Path, tested: Path, joint_command: Command, refused: Refused, tmp_path: Path
) -> None:
    pytest.importorskip("meeteval")
    base = ("evaluate", "recognition", "--checkpoint", recogniser, "--data", tested)
    base = (*base, "--conversations", tested / "mix2_recognition.csv", "--limit", 2)
    simo, out = (*base, "--mode", "simo", "--attributed"), tmp_path / "figures.json"
    done = joint_command(*simo, "--threshold", -1, "--json", out)
    assert done.code == 0, done
    figures = json.loads(out.read_text())
    assert 0.0 <= figures["named_share"] <= 1.0
    assert figures["person_error_percent"] >= figures["error_percent"] > 50.0
    assert "no threshold" in refused(*simo)
    assert "--attributed" in refused(*base, "--mode", "simo", "--threshold", 0)
    assert "no times" in refused(*simo, "--threshold", 0, "--beam", 5)
    assert "mode target; expected single" in refused(
        *base, "--mode", "target", "--attributed", "--threshold", 0
    )
