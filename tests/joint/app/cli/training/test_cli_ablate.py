"""`joint ablate` trains what is missing, measures it and writes the table."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from omegaconf import OmegaConf
from support import ROOT, TINY, Command

from joint.data.opening import open_corpus
from joint.data.prepare.tables import write_tables
from joint.experiments.ablation import Grid

GRID = """
recipe: {recipe}
output: {output}
common: {{data.train: {data}/train, trainer.max_steps: 2}}
variants:
  joint: {{}}
  frozen: {{tasks.extraction.encoder: frozen}}
"""


@pytest.fixture
def grid(prepared: Path, tmp_path: Path) -> Path:
    """Two variants of two steps."""
    path = tmp_path / "grid.yaml"
    path.write_text(GRID.format(recipe=TINY, output=tmp_path / "out", data=prepared))
    return path


@pytest.fixture
def test_set(embedded_corpus: Path, tmp_path: Path) -> Path:
    """Four recordings of each speaker of the embedded test part and their trials, no mixtures."""
    corpus = open_corpus(embedded_corpus / "test")
    few = [corpus.utterances[i] for own in corpus.of_speaker for i in own[:4]]
    folder = tmp_path / "corpus" / "test"
    folder.mkdir(parents=True)
    write_tables(folder, few)
    known = {utterance.id for utterance in few}
    trials = (embedded_corpus / "test" / "trials").read_text().splitlines(keepends=True)
    (folder / "trials").write_text("".join(t for t in trials if known.issuperset(t.split()[1:])))
    return folder


def test_trains_measures_and_goes_on(
    grid: Path,
    test_set: Path,
    tmp_path: Path,
    joint_command: Command,
    request: pytest.FixtureRequest,
) -> None:
    grid.write_text(f"test: {test_set}\n{grid.read_text()}")
    first = joint_command("ablate", grid, "--variant", "frozen")
    assert first.code == 0, first
    output = tmp_path / "out"
    assert "frozen" in (output / "table.md").read_text()
    written = output / "frozen" / "seed1" / "figures.json"
    figures, before = json.loads(written.read_text()), written.stat().st_mtime_ns
    assert figures["thousand_scenes_trained"] == 0.008 and figures["trials"] > 100
    request.getfixturevalue("in_this_process")  # one in a process of its own is enough
    both = joint_command("ablate", grid, "--jobs", "2")  # the grid says what it is measured on
    assert both.code == 0 and written.stat().st_mtime_ns == before
    assert "frozen, seed 1" not in both.out and "joint, seed 1: EER" in both.out
    rows = [line.split(" | ")[0] for line in (output / "table.md").read_text().splitlines()[2:]]
    assert rows == ["| joint", "| frozen"]
    assert (output / "table.md").read_text() in both.out


def test_what_measures_names(
    grid: Path, test_set: Path, tmp_path: Path, in_this_process: None, joint_command: Command
) -> None:
    measures = f"""
test: {test_set}
measures:
  trials: {{the same: {test_set}}}
  conditions: [white noise 15 dB]
  questions: [level]
  recordings: 30
"""
    grid.write_text(measures + grid.read_text())
    assert joint_command("ablate", grid, "--variant", "frozen").code == 0
    figures = json.loads((tmp_path / "out" / "frozen" / "seed1" / "figures.json").read_text())
    assert figures["eer_percent on the same"] == figures["eer_percent"]
    assert figures["eer_percent on white noise 15 dB"] != figures["eer_percent"]
    assert figures["probe of level"] <= 1.0
    heading = (tmp_path / "out" / "table.md").read_text().splitlines()[0]
    assert heading.endswith("| EER % on the same | EER % on white noise 15 dB | probe of level |")
    assert "probe of level" in (tmp_path / "out" / "report.html").read_text()


def test_what_no_run_has_trained_is_measured_once(
    grid: Path, test_set: Path, tmp_path: Path, in_this_process: None, joint_command: Command
) -> None:
    """The encoder that two variants leave as it was is not measured again."""
    off = "tasks.extraction.encoder: frozen, tasks.verification.weight: 0.0"
    two = f"  first: {{{off}}}\n  second: {{{off}, optimizer.lr: 1.0e-5}}\n"
    grid.write_text(f"test: {test_set}\nmeasures: {{questions: [level]}}\n{grid.read_text()}{two}")
    assert joint_command("ablate", grid, "--variant", "first").code == 0
    output = tmp_path / "out"
    (measured,) = (output / "measured").glob("encoder-*.json")
    measured.write_text('{"probe of level": 0.125}')
    assert joint_command("ablate", grid, "--variant", "second").code == 0
    figures = json.loads((output / "second" / "seed1" / "figures.json").read_text())
    assert figures["probe of level"] == 0.125


@pytest.mark.parametrize(
    "measures, found",
    [
        ("conditions: [under water]", "measures.conditions: found under water; expected "),
        ("questions: [shoe size]", "measures.questions: found shoe size; expected speaker or "),
        ("trials: {none: nowhere}", "nowhere: found no folder"),
    ],
)
def test_measures_that_are_none(
    grid: Path, test_set: Path, measures: str, found: str, refused: Callable[..., str]
) -> None:
    grid.write_text(f"measures: {{{measures}}}\n{grid.read_text()}")
    assert found in refused("ablate", grid, "--data", test_set)


def test_a_grid_as_jobs(
    grid: Path,
    test_set: Path,
    tmp_path: Path,
    joint_command: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("submitit")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    common = ("ablate", grid, "--data", test_set)
    planned = joint_command(*common, "--executor", "slurm", "--slurm", "time=9", "--dry-run")
    assert planned.code == 0 and "joint, seed 1: " in planned.out and "frozen, seed" in planned.out
    for line in ("--array=0-1%2", "--time=9", "--job-name=grid", "--requeue"):
        assert f"#SBATCH {line}\n" in planned.out
    assert not (tmp_path / "out").exists()
    done = joint_command(*common, "--executor", "local", "--variant", "joint")
    assert done.code == 0, done
    assert "joint, seed 1: submitted as job" in done.out and "joint, seed 1: EER" in done.out
    assert "| joint |" in (tmp_path / "out" / "table.md").read_text()
    page = (tmp_path / "out" / "report.html").read_text()
    assert "1 of 2 runs are finished" in page and 'href="joint/seed1/model.safetensors"' in page
    assert page.count("<svg") == 2  # the EER, and the loss


@pytest.mark.usefixtures("in_this_process")
def test_a_failing_run_is_told(
    grid: Path, test_set: Path, tmp_path: Path, joint_command: Command
) -> None:
    too_many = "streams.mixtures.scenes.speakers: 99"
    grid.write_text(grid.read_text().replace("tasks.extraction.encoder: frozen", too_many))
    outcome = joint_command("ablate", grid, "--data", test_set)
    assert outcome.code == 2 and "frozen, seed 1: failed" in outcome.out
    assert "99" in outcome.err[-1] and "joint" in (tmp_path / "out" / "table.md").read_text()


def test_bad_input(grid: Path, test_set: Path, tmp_path: Path, refused: Callable[..., str]) -> None:
    assert "no file" in refused("ablate", tmp_path / "none.yaml", "--data", test_set)
    assert "expected a test set, or --data" in refused("ablate", grid)
    assert "expected joint or frozen" in refused(
        "ablate", grid, "--data", test_set, "--variant", "thawed"
    )
    (test_set / "trials").unlink()
    assert "trials" in refused("ablate", grid, "--data", test_set)
    assert "processes, local or slurm" in refused("ablate", grid, "--executor", "pbs")
    assert "expected --executor slurm" in refused("ablate", grid, "--slurm", "time=3")
    assert not (tmp_path / "out").exists()


def test_finished_runs_of_another_budget_or_test_set(
    grid: Path, test_set: Path, tmp_path: Path, refused: Callable[..., str]
) -> None:
    run = Grid.load(grid).runs(["joint"])[0]
    run.write_recipe()
    run.write_figures({"eer_percent": 4.5}, {"folder": "elsewhere", "trials": "0a"})
    line = refused("ablate", grid, "--data", test_set)
    assert f"found a finished run with trials of elsewhere; expected trials of {test_set}" in line
    line = refused("ablate", grid, "--data", test_set, "trainer.max_steps=3")
    assert "joint/seed1: trainer.max_steps: found a finished run with 2; expected 3, or" in line
    assert not (tmp_path / "out" / "frozen").exists()


@pytest.mark.usefixtures("in_this_process")
def test_recognition(aligned: Path, tested: Path, joint_command: Command, tmp_path: Path) -> None:
    pytest.importorskip("meeteval")
    folder = shutil.copytree(tested, tmp_path / "test")
    rows = (tested / "mix2_recognition.csv").read_text().splitlines(keepends=True)
    (folder / "mix2_recognition.csv").write_text("".join(rows[:3]))
    names = [row.split(",")[1:3] for row in rows[1:3]]
    (folder / "trials").write_text(f"0 {' '.join(names[0])}\n1 {' '.join([names[0][0]] * 2)}\n")
    recipe = OmegaConf.load(ROOT / "tests" / "recognition.yaml")
    recipe.tasks.pop("target")
    recipe.streams.mixtures.tasks = ["simo"]
    OmegaConf.save(recipe, tmp_path / "recipe.yaml")
    (tmp_path / "grid.yaml").write_text(
        f"recipe: recipe.yaml\noutput: {tmp_path / 'out'}\nvariants: {{simo: {{}}}}\n"
        f"common: {{data.train: {aligned}}}\n"
    )
    done = joint_command("ablate", tmp_path / "grid.yaml", "--data", folder)
    assert done.code == 0, done
    figures = json.loads((tmp_path / "out" / "simo" / "seed1" / "figures.json").read_text())
    assert figures["conversations"] == 2 and figures["error_percent"] > 50.0
    assert "cp error %" in done.out and "target error %" not in done.out
