"""`joint probe` and `joint report`: what they write, and what they refuse."""

import json
from pathlib import Path

import pytest
from support import Command, Refused

from analysis.probing.study import Material

pytestmark = pytest.mark.usefixtures("loaded_once")


def test_probe(
    joint_command: Command, tiny_checkpoint: Path, aligned: Path, tmp_path: Path
) -> None:
    outcome = joint_command(
        *("probe", "--checkpoint", tiny_checkpoint, "--data", aligned, "--output", tmp_path),
        *("--question", "speaker", "--question", "phones (frames)", "--layer", "tdnn2"),
        *("--layer", "embedding"),
    )
    assert outcome.code == 0, outcome
    assert "| speaker |" in outcome.out and "| phones (frames) |" in outcome.out
    found = json.loads((tmp_path / "probes.json").read_text())
    for side in ("trained", "untrained"):
        assert {f["layer"] for f in found[side]} == {"tdnn2", "embedding"}
    assert (tmp_path / "probes.png").stat().st_size > 5000
    assert "phones (frames)" in (tmp_path / "report.html").read_text()


def test_probe_refuses(
    refused: Refused, tiny_checkpoint: Path, aligned: Path, prepared: Path, tmp_path: Path
) -> None:
    common = ("probe", "--checkpoint", tiny_checkpoint, "--data")
    assert str(tmp_path) in refused(*common, tmp_path)
    assert "layer tdnn7" in refused(*common, tmp_path, "--layer", "tdnn7")  # no corpus is opened
    assert "tdnn1 or" in refused(*common, aligned, "--question", "speaker", "--layer", "tdnn7")
    assert "unknown question" in refused(*common, aligned, "--question", "age")
    assert "joint align" in refused(*common, prepared / "test", "--question", "speaking rate")
    frames = ("--question", "phones (frames)", "--layer", "embedding")
    assert "no layer with frames" in refused(*common, aligned, *frames)


def test_report(
    joint_command: Command,
    refused: Refused,
    tiny_checkpoint: Path,
    aligned_trials: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # one question is enough to see that the probes are in the page
    every = Material.of
    monkeypatch.setattr(Material, "of", lambda *given: every(*given, ["speaker"]))
    out = tmp_path / "out"
    common = ("report", "--checkpoint", tiny_checkpoint, "--data", aligned_trials, "--output", out)
    outcome = joint_command(*common, "--against", "speechocean762-librispeech-joint")
    assert outcome.code == 2 and "one shape" in outcome.err[-1]  # embeddings of other widths
    outcome = joint_command(*common, "--against", tiny_checkpoint)
    assert outcome.code == 0, outcome
    page = (out / "report.html").read_text()
    for title in ("Verification", "Drift", "Geometry", "Training", "Files"):
        assert f"<h2>{title}</h2>" in page
    figures = json.loads((out / "report.json").read_text())
    assert abs(figures["cosine_drift"]) < 1e-12 and figures["trials"] == 276
    assert "tsne or umap" in refused(*common, "--plane", "pca")
