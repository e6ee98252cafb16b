"""Runs as jobs: by submitit's local executor, and by a SLURM of three small scripts."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import measures
import pytest
from measures import runs_in
from support import ROOT

from joint.errors import ConfigError, JointError
from joint.experiments.ablation import Run
from joint.experiments.executors import Execution
from joint.experiments.records import Outcome, Record

pytest.importorskip("submitit")


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs import what they run by name."""
    paths = (str(ROOT), str(Path(__file__).parent), str(ROOT / "tests"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))


def outcome_of(execution: Execution, run: Run, measure: Callable[[Run], dict]) -> Outcome:
    ((_, outcome),) = execution.ready([run])(measure)
    return outcome


def test_a_failure_is_told_and_submitted_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run,) = runs_in(tmp_path, "one")
    outcome = outcome_of(
        Execution("local", tmp_path, "grid"), run, measures.works_at_the_second_attempt
    )
    assert outcome == {"eer_percent": 0.0}
    told = capsys.readouterr().out
    assert "one, seed 0: attempt 1 failed: " in told
    assert "RuntimeError: out of memory" in told and "_log.err" in told
    record = Record.read(run)
    assert record is not None and record.attempts == 2
    assert "trained one" in (run.folder / "training.log").read_text()


def test_it_is_given_up_after_so_many(tmp_path: Path) -> None:
    (run,) = runs_in(tmp_path, "one")
    execution = Execution("local", tmp_path, "grid", attempts=1)
    assert str(outcome_of(execution, run, measures.refuses)) == "disk: found no room; expected room"
    again = outcome_of(execution, run, measures.works)
    assert isinstance(again, JointError)
    assert "--attempts 2 for another one" in str(again) and "no room" in str(again)
    more = Execution("local", tmp_path, "grid", attempts=2)
    assert outcome_of(more, run, measures.works) == {"eer_percent": 0.0}


def test_a_killed_job_and_a_preempted_one(tmp_path: Path) -> None:
    killed, preempted = runs_in(tmp_path, "killed", "preempted")
    outcome = outcome_of(
        Execution("local", tmp_path, "grid", attempts=1), killed, measures.is_killed
    )
    assert isinstance(outcome, JointError) and "no result, state" in str(outcome)
    once = Execution("local", tmp_path, "grid", attempts=1)
    assert outcome_of(once, preempted, measures.is_preempted) == {"eer_percent": 1.0}
    assert len((preempted.folder / "starts").read_text().splitlines()) == 2


def test_a_later_command_follows_the_jobs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = runs_in(tmp_path, "one", "two")
    submitted = Execution("local", tmp_path, "grid", jobs=1, submit_only=True)
    assert list(submitted.ready(runs)(measures.works)) == []
    told = capsys.readouterr().out
    assert "one, seed 0: submitted as job" in told
    assert "two, seed 1: not submitted yet, 1 jobs are running" in told
    elsewhere = Execution("processes", tmp_path, "grid")
    with pytest.raises(ConfigError, match=r"job.json: found job .* of --executor local"):
        elsewhere.ready(runs)
    later = Execution("local", tmp_path, "grid").ready(runs)(measures.works)
    found = {run.variant: outcome for run, outcome in later}
    assert found == {"one": {"eer_percent": 0.0}, "two": {"eer_percent": 1.0}}
    assert "one" not in capsys.readouterr().out  # it was not submitted again


SBATCH = """#!/bin/sh
# Runs the array's jobs one after the other, as SLURM would on some node. The script is SLURM's own
# copy: submitit moves its file as soon as this ends.
cp "$1" {folder}/script.sh
last=$(sed -n 's/^#SBATCH --array=0-\\([0-9]*\\)%.*/\\1/p' "$1")
export SLURM_JOB_ID=77 SLURM_NTASKS=1 SLURM_JOB_NUM_NODES=1 SLURM_NODEID=0 SLURM_PROCID=0
export SLURM_LOCALID=0 SLURM_JOB_NAME=grid
export SUBMITIT_EXECUTOR=slurm
if [ -n "$last" ]; then
    export SLURM_ARRAY_JOB_ID=77
    (for task in $(seq 0 "$last"); do
        SLURM_ARRAY_TASK_ID=$task sh {folder}/script.sh
    done; touch {folder}/ended) >/dev/null 2>&1 &
else
    (sh {folder}/script.sh; touch {folder}/ended) >/dev/null 2>&1 &
fi
echo "Submitted batch job 77"
"""
SRUN = """#!/bin/sh
while [ "${1#--}" != "$1" ]; do
    case $1 in --output|--error) shift 2 ;; *) shift ;; esac
done
exec "$@"
"""
SACCT = """#!/bin/sh
[ -e {folder}/ended ] && state=COMPLETED || state=RUNNING
echo 'JobID|State|NodeList'
for task in 0 1; do echo "77_$task|$state|n1"; done
"""


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A SLURM of one node."""
    folder = tmp_path / "slurm"
    folder.mkdir()
    for name, text in {"sbatch": SBATCH, "srun": SRUN, "sacct": SACCT}.items():
        (folder / name).write_text(text.replace("{folder}", str(folder)))
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def test_slurm_runs_what_a_dry_run_shows(cluster: Path, tmp_path: Path) -> None:
    options = ("time=30", "partition=gpu", "gpus_per_node=1", "mem=16GB")
    execution = Execution("slurm", tmp_path, "backbones", options=options)
    runs = runs_in(tmp_path, "one", "two")
    found = {run.variant: outcome for run, outcome in execution.ready(runs)(measures.works)}
    assert found == {"one": {"eer_percent": 0.0}, "two": {"eer_percent": 1.0}}
    script = (cluster / "script.sh").read_text()
    assert script == execution.script(len(runs))
    for line in (
        "--job-name=backbones",
        "--array=0-1%2",
        "--time=30",
        "--partition=gpu",
        "--gpus-per-node=1",
        "--mem=16GB",
        "--requeue",
        "--signal=USR2@90",
    ):
        assert f"#SBATCH {line}\n" in script
    record = Record.read(runs[1])
    assert record is not None and record.id == "77_1"


def test_what_sbatch_refuses_is_told(cluster: Path, tmp_path: Path) -> None:
    (cluster / "sbatch").write_text("#!/bin/sh\necho 'sbatch: invalid partition' >&2\nexit 1\n")
    (run,) = runs_in(tmp_path, "one")
    execution = Execution("slurm", tmp_path, "grid", options=("partition=none",))
    with pytest.raises(ConfigError, match="invalid partition"):
        outcome_of(execution, run, measures.works)
    assert Record.read(run) is None


def test_bad_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="processes, local or slurm"):
        Execution("pbs", tmp_path, "grid")
    with pytest.raises(ConfigError, match="found --executor local; expected --executor slurm"):
        Execution("local", tmp_path, "grid", options=("time=3",))
    with pytest.raises(ConfigError, match="'partition', perhaps"):
        Execution("slurm", tmp_path, "grid", options=("partitoin=gpu",)).script(1)
    with pytest.raises(ConfigError, match="KEY=VALUE"):
        Execution("slurm", tmp_path, "grid", options=("time",)).script(1)
    monkeypatch.setenv("PATH", os.path.dirname(sys.executable))
    with pytest.raises(ConfigError, match="no srun on this machine"):
        Execution("slurm", tmp_path, "grid").ready([])
    assert not list(tmp_path.iterdir())
