"""How the runs of a grid are executed: in processes, or as jobs by submitit's executors."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joint.errors import ConfigError
from joint.experiments.ablation import Run
from joint.experiments.jobs import JOBS, Jobs
from joint.experiments.parallel import Measure, in_parallel
from joint.experiments.records import LOCAL, SLURM, Outcome, Record
from joint.training.config.wording import nearest

if TYPE_CHECKING:
    import submitit

DAY_MINUTES, YEAR_MINUTES = 24 * 60, 365 * 24 * 60
REQUEUES = 50
"""How often a job that met its time limit is queued again: each resumes what the former trained."""

OURS = {"job_name", "nodes", "ntasks_per_node", "array_parallelism", "additional_parameters"}
OURS |= {"use_srun", "srun_args", "num_gpus", "setup", "teardown", "stderr_to_stdout"}
"""Parameters of submitit that no option gives: a run is one process; some are not a single word."""


PROCESSES = "processes"


@dataclass(frozen=True)
class Execution:
    """How runs of the grid called `name`, which writes into `output`, are executed: `jobs` at a
    time (None: one, on a cluster all), and, where they are jobs, each at most `attempts` times,
    with `options` of sbatch; `submit_only` does not wait for them."""

    executor: str
    output: Path
    name: str
    jobs: int | None = None
    options: tuple[str, ...] = ()
    attempts: int = 2
    submit_only: bool = False

    def __post_init__(self) -> None:
        if self.executor not in (PROCESSES, LOCAL, SLURM):
            expected = f"{PROCESSES}, {LOCAL} or {SLURM}"
            raise ConfigError("--executor", self.executor, expected)
        if self.options and self.executor != SLURM:
            raise ConfigError("--slurm", f"--executor {self.executor}", f"--executor {SLURM}")
        if self.submit_only and self.executor == PROCESSES:
            expected = f"--executor {LOCAL} or {SLURM}"
            raise ConfigError("--submit-only", f"--executor {PROCESSES}", expected)

    def ready(self, runs: Sequence[Run]) -> Callable[[Measure], Iterator[tuple[Run, Outcome]]]:
        """What executes `runs`, and yields the figures of each as it ends, or its error. Raises
        ConfigError where they cannot be executed here; nothing is written before it is called."""
        for run in runs:
            if (record := Record.read(run)) is not None:
                record.check(run, self.executor)
        at_a_time = self.at_a_time(len(runs))
        if self.executor == PROCESSES:
            return partial(in_parallel, runs, jobs=at_a_time)
        if self.executor == LOCAL:
            executor = local_executor(self.output)
        else:
            executor = slurm_executor(self.output, self.name, at_a_time, self.options)
        jobs = Jobs(executor, at_a_time, self.attempts)
        return partial(jobs.outcomes, runs, wait=not self.submit_only)

    def at_a_time(self, runs: int) -> int:
        """How many of so many runs are trained at a time."""
        return self.jobs or (max(runs, 1) if self.executor == SLURM else 1)

    def script(self, runs: int) -> str | None:
        """The script for sbatch of so many runs; None without SLURM. Raises ConfigError."""
        if self.executor != SLURM:
            return None
        return slurm_script(self.output, self.name, runs, self.at_a_time(runs), self.options)


def local_executor(output: Path) -> "submitit.Executor":
    """Jobs are processes of this machine that outlive the command. Raises ConfigError."""
    executor = _submitit(LOCAL).LocalExecutor(output / JOBS)
    executor.update_parameters(timeout_min=YEAR_MINUTES)
    return executor


def slurm_executor(
    output: Path, name: str, at_a_time: int, options: Sequence[str]
) -> "submitit.Executor":
    """Jobs of a SLURM cluster, an array called `name`, with `KEY=VALUE` options of sbatch.

    Raises ConfigError for an unknown option and on a machine without SLURM.
    """
    parameters = slurm_parameters(name, at_a_time, options)
    module = _submitit("slurm")
    if module.SlurmExecutor.affinity() < 0:
        expected = "a login node of a SLURM cluster, or --dry-run"
        raise ConfigError("--executor slurm", "no srun on this machine", expected)
    executor = module.SlurmExecutor(output / JOBS, max_num_timeout=REQUEUES)
    executor.update_parameters(**parameters)
    return executor


def slurm_script(output: Path, name: str, jobs: int, at_a_time: int, options: Sequence[str]) -> str:
    """The script for sbatch of so many `jobs`; it needs no SLURM. Raises ConfigError."""
    executor_class = _submitit("slurm").SlurmExecutor

    class Unsent(executor_class):  # type: ignore[misc, valid-type]
        """Submits nothing, and so needs no cluster."""

        @classmethod
        def affinity(cls) -> int:
            """Available everywhere."""
            return 1

        def script(self) -> str:
            """What `submit_array` writes."""
            if jobs > 1:
                self.parameters["map_count"] = jobs
            text: str = self._make_submission_file_text(self._submitit_command_str, "")
            return text

    executor = Unsent(output / JOBS)
    executor.update_parameters(**slurm_parameters(name, at_a_time, options))
    return executor.script()


def slurm_parameters(name: str, at_a_time: int, options: Sequence[str]) -> dict[str, Any]:
    """Submitit's parameters of a grid's array. Raises ConfigError."""
    known = sorted(_submitit("slurm").SlurmExecutor._valid_parameters() - OURS)
    given: dict[str, Any] = {}
    for option in options:
        key, equals, value = option.partition("=")
        key = key.strip("-").replace("-", "_")
        if not equals or not value:
            raise ConfigError(f"--slurm {option}", "no value", "KEY=VALUE, such as time=720")
        if key not in known:
            raise ConfigError(f"--slurm {option}", "an unknown option", nearest(key, known, ""))
        given[key] = int(value) if value.isdecimal() else value
    requeue = {"requeue": True}
    fixed = {"job_name": name, "array_parallelism": at_a_time, "additional_parameters": requeue}
    return {"time": DAY_MINUTES, **given, **fixed}


def _submitit(executor: str) -> Any:
    try:
        import submitit
    except ImportError:
        extra = "pip install 'joint-speaker[cluster]'"
        raise ConfigError(f"--executor {executor}", "no package submitit", extra) from None
    return submitit
