"""Every verb runs on the embedded corpus with a tiny checkpoint."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support import TINY, Command

VERBS = [
    ("prepare", "speechocean762"),
    ("prepare", "voxceleb"),
    ("prepare", "cnceleb"),
    ("prepare", "threedspeaker"),
    ("prepare", "voxblink"),
    ("prepare", "librispeechmix"),
    ("prepare", "librimix"),
    ("prepare", "kaldi"),
    ("align",),
    ("shard",),
    ("train",),
    ("ablate",),
    ("evaluate", "verification"),
    ("evaluate", "extraction"),
    ("evaluate", "phonetics"),
    ("evaluate", "recognition"),
    ("embed",),
    ("verify",),
    ("enroll",),
    ("identify",),
    ("forget",),
    ("extract",),
    ("transcribe",),
    ("diarize",),
    ("probe",),
    ("explain", "verification"),
    ("explain", "extraction"),
    ("explain", "phones"),
    ("report",),
    ("import",),
    ("info",),
]


@pytest.fixture(scope="module")
def recordings(embedded_corpus: Path) -> list[Path]:
    """Four real recordings, two each of two speakers."""
    folders = sorted((embedded_corpus / "WAVE").iterdir())[:2]
    return [path for folder in folders for path in sorted(folder.iterdir())[:2]]


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_help_has_an_example(joint_command: Command, verb: tuple[str, ...]) -> None:
    outcome = joint_command(*verb, "--help")
    assert outcome.code == 0
    assert f"Example: joint {' '.join(verb)}" in " ".join(outcome.out.split())


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom joint.app.cli.main import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "assert not {'torch', 'numpy', 'lhotse'} & set(sys.modules), 'heavy import'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_using_a_checkpoint_imports_nothing_of_training() -> None:
    code = (
        "import sys, joint\njoint.load('speechocean762-joint')\n"
        "assert not {'lightning', 'torchmetrics'} & set(sys.modules), 'heavy import'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_exactly_these_verbs() -> None:
    from joint.app.cli.main import VERBS as TOP
    from joint.app.cli.main import app

    registered = {command.name for command in app.registered_commands}
    registered |= {group.name for group in app.registered_groups}
    assert registered == set(TOP) == {verb[0] for verb in VERBS}


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


def test_train_and_resume(
    joint_command: Command, tiny_overrides: list[str], tmp_path: Path
) -> None:
    run = ["train", TINY, *tiny_overrides, f"output={tmp_path / 'run'}"]
    outcome = joint_command(*run, "trainer.max_steps=2")
    assert outcome.code == 0 and not outcome.err
    checkpoint = Path(outcome.out.split("\n")[-2])
    assert checkpoint.is_file()
    again = joint_command(*run)
    assert again.code == 2 and "--resume" in again.err[0]
    assert joint_command(*run, "trainer.max_steps=3", "--resume").code == 0


def test_evaluate_verification(
    joint_command: Command, tiny_checkpoint: Path, embedded_corpus: Path, tmp_path: Path
) -> None:
    data, trials = embedded_corpus / "test", tmp_path / "trials"
    every = (data / "trials").read_text().splitlines()
    trials.write_text("\n".join(every[:40] + every[-40:]))
    outcome = joint_command(
        *("evaluate", "verification", "--checkpoint", tiny_checkpoint, "--data", data),
        *("--trials", trials, "--scores", tmp_path / "s.csv", "--json", tmp_path / "f.json"),
    )
    assert outcome.code == 0 and not outcome.err
    figures = json.loads((tmp_path / "f.json").read_text())
    assert {"eer_percent", "min_dcf_p01", "min_dcf_p05", "by_group"} <= set(figures)
    assert figures["trials"] == 80 and 0 <= figures["eer_percent"] <= 100
    assert len((tmp_path / "s.csv").read_text().splitlines()) == 81
    assert "<svg" in (tmp_path / "s.det.svg").read_text()
    assert "eer_percent" in outcome.out


def test_evaluate_verification_with_a_back_end(
    joint_command: Command, tiny_checkpoint: Path, embedded_corpus: Path, tmp_path: Path
) -> None:
    test, others = embedded_corpus / "test", embedded_corpus / "train"
    common = ("evaluate", "verification", "--checkpoint", tiny_checkpoint, "--data", test)
    common += ("--trials", test / "trials", "--json", tmp_path / "f.json")
    options = ("--backend", "plda", "--norm", "as", "--top", 20, "--cohort", others)
    outcome = joint_command(*common, *options, "--adapt", others, "--calibrate", test)
    assert outcome.code == 0 and not outcome.err
    figures = json.loads((tmp_path / "f.json").read_text())
    # calibrated on these very trials: next to nothing is lost by it
    assert figures["min_cllr"] <= figures["cllr"] < figures["min_cllr"] + 0.1
    refused = joint_command(*common, "--backend", "plda")
    assert refused.code == 2 and "--cohort" not in refused.out
    assert "a folder of other speakers" in refused.err[0]


def test_evaluate_extraction(
    joint_command: Command, tiny_checkpoint: Path, embedded_corpus: Path, tmp_path: Path
) -> None:
    data = embedded_corpus / "test"
    outcome = joint_command(
        *("evaluate", "extraction", "--checkpoint", tiny_checkpoint, "--data", data),
        *("--mixtures", data / "mix2_extraction.csv", "--limit", 3),
        *("--output", tmp_path / "wav", "--scores", tmp_path / "s.csv"),
        *("--json", tmp_path / "f.json"),
    )
    assert outcome.code == 0
    figures = json.loads((tmp_path / "f.json").read_text())
    keys = "si_sdr_db si_sdr_improvement_db si_sdr_improvement_median_db improved_share "
    keys += "wrong_speaker_share pesq stoi wer_percent mixtures by_group"
    assert set(keys.split()) <= set(figures)
    assert figures["mixtures"] == 3 and figures["wer_percent"] is None
    assert len(list((tmp_path / "wav").glob("*.wav"))) == 3
    assert len((tmp_path / "s.csv").read_text().splitlines()) == 4


def test_embed_files_and_table(
    joint_command: Command, tiny_checkpoint: Path, recordings: list[Path], tmp_path: Path
) -> None:
    common = ("embed", "--checkpoint", tiny_checkpoint, "--output")
    outcome = joint_command(*common, tmp_path / "a.npz", *recordings)
    assert outcome.code == 0 and not outcome.err
    table = tmp_path / "wav.scp"
    table.write_text("".join(f"file{i} {path}\n" for i, path in enumerate(recordings)))
    assert joint_command(*common, tmp_path / "b.npz", "--wav-scp", table).code == 0
    first, second = np.load(tmp_path / "a.npz"), np.load(tmp_path / "b.npz")
    assert sorted(first) == sorted(path.stem for path in recordings)
    for number, path in enumerate(recordings):
        assert first[path.stem].dtype == np.float32 and first[path.stem].ndim == 1
        assert np.array_equal(first[path.stem], second[f"file{number}"])


def test_embed_skips_counts_and_lists(
    joint_command: Command, tiny_checkpoint: Path, recordings: list[Path], tmp_path: Path
) -> None:
    common = ("embed", "--checkpoint", tiny_checkpoint, "--output", tmp_path / "a.npz")
    outcome = joint_command(*common, recordings[0], tmp_path / "missing.wav")
    assert outcome.code == 0
    assert [line.partition(":")[0] for line in outcome.err] == ["warning", "warning"]
    assert "1 of 2 skipped: missing" in outcome.err[1]
    assert list(np.load(tmp_path / "a.npz")) == [recordings[0].stem]


def test_verify(joint_command: Command, tiny_checkpoint: Path, recordings: list[Path]) -> None:
    outcome = joint_command("verify", "--checkpoint", tiny_checkpoint, *recordings[:2])
    assert outcome.code == 0 and not outcome.err
    assert -1 <= float(outcome.out.split()[1]) <= 1


def test_extract(
    joint_command: Command, tiny_checkpoint: Path, recordings: list[Path], tmp_path: Path
) -> None:
    one, other = (soundfile.read(recordings[i], dtype="float32")[0] for i in (0, 2))
    length = min(len(one), len(other))
    soundfile.write(tmp_path / "mixture.wav", (one[:length] + other[:length]) / 2, 16_000)
    outcome = joint_command(
        *("extract", "--checkpoint", tiny_checkpoint, "--mixture", tmp_path / "mixture.wav"),
        *("--enrollment", recordings[1], "--output", tmp_path / "voice.wav"),
    )
    assert outcome.code == 0
    voice, rate = soundfile.read(tmp_path / "voice.wav")
    assert rate == 16_000 and len(voice) == length and np.isfinite(voice).all()


def test_info(joint_command: Command, tiny_checkpoint: Path) -> None:
    outcome = joint_command("info", tiny_checkpoint)
    assert outcome.code == 0 and not outcome.err
    for word in ("name", "verification", "extraction", "parameters", "seed"):
        assert word in outcome.out


def test_interrupted(
    joint_command: Command, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("joint.app.api.load", interrupted)
    outcome = joint_command("info", tiny_checkpoint)
    assert outcome.code == 130 and not outcome.err
