"""`joint align` and `joint probe`: what they write, and what they refuse."""

import json
import shutil
from pathlib import Path

from support import Command, Refused


def test_align(
    joint_command: Command, aligned: Path, embedded_corpus: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    shutil.copytree(aligned, folder)
    lexicon = embedded_corpus / "resource" / "lexicon.txt"
    outcome = joint_command("align", folder, "--lexicon", lexicon, "--jobs", 1)
    assert outcome.code == 0 and "of 24 utterances aligned" in outcome.out
    assert (folder / "phones.txt").read_text().startswith("SIL\nAA\n")
    assert (folder / "unaligned.tsv").read_text().startswith("utterance\treason\n")


def test_align_refuses(refused: Refused, aligned: Path, tmp_path: Path) -> None:
    assert "no file" in refused("align", tmp_path)
    lexicon = tmp_path / "lexicon.txt"
    assert "lexicon.txt" in refused("align", aligned, "--lexicon", lexicon)
    lexicon.write_text("CAT\tK QQ T\n")
    assert "the phone QQ" in refused("align", aligned, "--lexicon", lexicon)


def test_probe(
    joint_command: Command, tiny_checkpoint: Path, aligned: Path, tmp_path: Path
) -> None:
    outcome = joint_command(
        "probe", "--checkpoint", tiny_checkpoint, "--data", aligned, "--output", tmp_path
    )
    assert outcome.code == 0, outcome
    assert "| speaker |" in outcome.out and "| phones (frames) |" in outcome.out
    found = json.loads((tmp_path / "probes.json").read_text())
    assert {f["layer"] for f in found["trained"]} == {f["layer"] for f in found["untrained"]}
    assert (tmp_path / "probes.png").stat().st_size > 5000


def test_probe_refuses(
    refused: Refused, tiny_checkpoint: Path, aligned: Path, prepared: Path, tmp_path: Path
) -> None:
    common = ("probe", "--checkpoint", tiny_checkpoint, "--data")
    assert "no file" in refused(*common, tmp_path)
    assert "tdnn1 or" in refused(*common, aligned, "--question", "speaker", "--layer", "tdnn7")
    assert "unknown question" in refused(*common, aligned, "--question", "age")
    assert "joint align" in refused(*common, prepared / "test", "--question", "speaking rate")
