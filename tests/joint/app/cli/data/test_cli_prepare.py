"""`joint prepare`: what is written, skipped and counted."""

from pathlib import Path

from support import Command


def test_prepare_speechocean762(
    joint_command: Command, embedded_corpus: Path, tmp_path: Path
) -> None:
    outcome = joint_command("prepare", "speechocean762", embedded_corpus, tmp_path / "data")
    assert outcome.code == 0 and not outcome.err
    assert "test: 132 utterances, 12 speakers" in outcome.out
    assert (tmp_path / "data" / "test" / "trials").is_file()


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
