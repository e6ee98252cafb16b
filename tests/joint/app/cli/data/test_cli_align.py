"""`joint align`: what it writes, and what it refuses."""

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
    assert "found no file" in refused("align", tmp_path)
    lexicon = tmp_path / "lexicon.txt"
    assert "lexicon.txt" in refused("align", aligned, "--lexicon", lexicon)
    lexicon.write_text("CAT\tK QQ T\n")
    assert "the phone QQ" in refused("align", aligned, "--lexicon", lexicon)
