"""`joint prepare`: what is written, skipped and counted."""

from pathlib import Path
from typing import Any

import pytest
import typer
from support import Command, Refused

from joint.app.cli.main import app
from joint.errors import DataError
from recipes.speechocean762 import prepare as speechocean762


def test_prepare_speechocean762(
    joint_command: Command, embedded_corpus: Path, tmp_path: Path
) -> None:
    outcome = joint_command("prepare", "speechocean762", embedded_corpus, tmp_path / "data")
    assert outcome.code == 0 and not outcome.err
    assert "test: 132 utterances, 12 speakers" in outcome.out
    assert (tmp_path / "data" / "test" / "trials").is_file()


def test_every_corpus_can_be_prepared_in_parallel() -> None:
    whole: Any = typer.main.get_command(app)
    for name, command in whole.commands["prepare"].commands.items():
        assert "jobs" in {parameter.name for parameter in command.params}, name


def test_speechocean762_is_checked_by_so_many_jobs(
    refused: Refused, embedded_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, jobs: int, **__: object) -> None:
        raise DataError("checking", f"{jobs} jobs", "none")

    monkeypatch.setattr(speechocean762, "write_split", stop)
    prepare = ("prepare", "speechocean762", embedded_corpus, tmp_path / "data")
    assert "3 jobs" in refused(*prepare, "--jobs", 3)


def test_prepare_kaldi_skips_counts_and_lists(
    joint_command: Command, recordings: list[Path], tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "broken.wav").write_bytes(b"RIFF nothing")
    names = {f"u{i}": path for i, path in enumerate(recordings)} | {"bad": folder / "broken.wav"}
    (folder / "wav.scp").write_text("".join(f"{n} {p}\n" for n, p in names.items()))
    (folder / "text").write_text("".join(f"{n} A WORD\n" for n in names))
    (folder / "utt2spk").write_text("".join(f"{n} s{i // 2}\n" for i, n in enumerate(names)))
    outcome = joint_command("prepare", "kaldi", folder, tmp_path / "out")
    assert outcome.code == 0
    assert len(outcome.err) == 1 and outcome.err[0].startswith("warning: skipped bad")
    assert "4 utterances, 2 speakers" in outcome.out and "1 recordings skipped" in outcome.out
    assert "bad" in (tmp_path / "out" / "skipped.tsv").read_text()
