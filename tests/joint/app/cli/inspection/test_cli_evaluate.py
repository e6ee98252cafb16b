"""`joint evaluate`: figures of a tiny checkpoint on the embedded corpus."""

import json
from pathlib import Path

import pytest
from support import Command

from joint.app.cli.evaluate.figures import print_figures

pytestmark = pytest.mark.usefixtures("loaded_once")


@pytest.fixture(scope="module")
def test_set(embedded_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Kaldi tables of the test speakers with 24 of their trials."""
    folder = tables_of_every(1, embedded_corpus, "test", tmp_path_factory.mktemp("evaluated"))
    every = (embedded_corpus / "test" / "trials").read_text().splitlines(keepends=True)
    (folder / "trials").write_text("".join(every[::75]))
    return folder


@pytest.fixture(scope="module")
def cohort(embedded_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fifth of the training recordings."""
    return tables_of_every(5, embedded_corpus, "train", tmp_path_factory.mktemp("cohort"))


def tables_of_every(step: int, corpus: Path, split: str, folder: Path) -> Path:
    """Kaldi tables of every `step`-th utterance of a split, with absolute paths."""
    for name in ("wav.scp", "text", "utt2spk", "spk2gender"):
        rows = (corpus / split / name).read_text().splitlines(keepends=True)
        if name == "wav.scp":
            split_rows = [row.split(maxsplit=1) for row in rows]
            rows = [f"{key} {corpus / path}" for key, path in split_rows]
        (folder / name).write_text("".join(rows if name == "spk2gender" else rows[::step]))
    return folder


def test_verification(
    joint_command: Command, tiny_checkpoint: Path, test_set: Path, tmp_path: Path
) -> None:
    outcome = joint_command(
        *("evaluate", "verification", "--checkpoint", tiny_checkpoint, "--data", test_set),
        *("--trials", test_set / "trials"),
        *("--scores", tmp_path / "s.csv", "--json", tmp_path / "f.json", "--conditions"),
    )
    assert outcome.code == 0 and not outcome.err
    figures = json.loads((tmp_path / "f.json").read_text())
    assert {"eer_percent", "min_dcf_p01", "min_dcf_p05", "by_group"} <= set(figures)
    assert figures["trials"] == 24
    assert {"as recorded", "8 kHz", "telephone"} <= set(figures["by_condition"])
    assert "one_side_miss_percent" in figures["by_condition"]["telephone"]
    assert "noise gate -45 dB" in outcome.out
    rows = (tmp_path / "s.csv").read_text().splitlines()
    assert rows[0] == "label,utt1,utt2,score" and len(rows) == 25
    assert "<svg" in (tmp_path / "s.det.svg").read_text()
    # a table of the groups: a row for each, and a column for each figure that one of them has
    groups = figures["by_group"].values()
    known = {name for values in groups for name, value in values.items() if value is not None}
    lines = outcome.out.splitlines()
    assert lines[0].split() == ["eer_percent", f"{figures['eer_percent']:.4g}"]
    for group, values in figures["by_group"].items():
        (row,) = [line for line in lines if line.strip().startswith(f"{group} ")]
        assert len(row.removeprefix(f" {group} ").split()) == len(known)
        assert f"{values['trials']}" in row.split()


def test_verification_with_a_back_end(
    joint_command: Command,
    tiny_checkpoint: Path,
    embedded_corpus: Path,
    cohort: Path,
    tmp_path: Path,
) -> None:
    test = embedded_corpus / "test"
    common = ("evaluate", "verification", "--checkpoint", tiny_checkpoint, "--data", test)
    common += ("--trials", test / "trials", "--json", tmp_path / "f.json")
    options = ("--backend", "plda", "--norm", "as", "--top", 20, "--cohort", cohort)
    outcome = joint_command(*common, *options, "--adapt", cohort, "--calibrate", test)
    assert outcome.code == 0 and not outcome.err
    figures = json.loads((tmp_path / "f.json").read_text())
    # calibrated on these very trials: next to nothing is lost by it
    assert figures["min_cllr"] <= figures["cllr"] < figures["min_cllr"] + 0.1
    refused = joint_command(*common, "--backend", "plda")
    assert refused.code == 2 and "--cohort" not in refused.out
    assert "a folder of other speakers" in refused.err[0]


def test_extraction(
    joint_command: Command, tiny_checkpoint: Path, embedded_corpus: Path, tmp_path: Path
) -> None:
    data = embedded_corpus / "test"
    outcome = joint_command(
        *("evaluate", "extraction", "--checkpoint", tiny_checkpoint, "--data", data),
        *("--mixtures", data / "mix2_extraction.csv", "--limit", 3),
        *("--output", tmp_path / "wav", "--scores", tmp_path / "s.csv"),
        *("--json", tmp_path / "f.json", "--report", tmp_path / "r.html"),
    )
    assert outcome.code == 0
    page = (tmp_path / "r.html").read_text()
    assert page.count("<audio") == 12  # of each mixture: it, enrolment, estimate and reference
    assert 'href="s.csv"' in page and "SI-SDR improvement: estimate" in page
    figures = json.loads((tmp_path / "f.json").read_text())
    keys = "si_sdr_db si_sdr_improvement_db si_sdr_improvement_median_db improved_share "
    keys += "wrong_speaker_share pesq stoi wer_percent mixtures by_group"
    assert set(keys.split()) <= set(figures)
    assert figures["mixtures"] == 3 and figures["wer_percent"] is None
    assert len(list((tmp_path / "wav").glob("*.wav"))) == 3
    assert len((tmp_path / "s.csv").read_text().splitlines()) == 4


def test_groups_are_a_table_of_all_figures(capsys: pytest.CaptureFixture[str]) -> None:
    groups = {
        "adults": {"eer_percent": 5.0, "trials": 12},
        "female and male": {"trials": 3, "miss_percent": float("nan"), "pesq": None},
    }
    print_figures({"eer_percent": 7.25, "by_group": groups})
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == "eer_percent 7.25"
    assert "group eer percent trials miss percent" in lines
    assert "adults 5 12 -" in lines and "female and male - 3 -" in lines


def test_without_groups_there_is_no_table(capsys: pytest.CaptureFixture[str]) -> None:
    print_figures({"der_percent": 3.0})
    assert capsys.readouterr().out == "der_percent  3\n"
