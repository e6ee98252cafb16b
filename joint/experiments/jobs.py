"""Runs of a grid as jobs, one each, through submitit: on this machine or on a SLURM cluster."""

import fcntl
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joint.errors import ConfigError, JointError
from joint.experiments.ablation import Run
from joint.experiments.parallel import Measure, logged
from joint.experiments.records import (
    LOCAL,
    Outcome,
    Record,
    attempts_of,
    ended,
    given_up,
    keep,
    last_line,
    title,
)
from joint.files import WRITABLE

if TYPE_CHECKING:
    import submitit

JOBS, LOCK = "jobs", "lock"
POLL_SECONDS = 1.0


@dataclass(frozen=True)
class RunJob:
    """What a job does: measure a run. After a preemption it is queued again and resumes the
    training. On this machine a job has its share of `threads` and sees the accelerators that its
    command saw."""

    run: Run
    measure: Measure
    threads: int | None = None
    accelerators: str | None = None

    def __call__(self) -> Outcome:
        import torch

        os.register_at_fork(after_in_child=_default_signals)
        if self.threads is not None:
            torch.set_num_threads(self.threads)
            os.environ.pop("CUDA_VISIBLE_DEVICES", None)
            if self.accelerators is not None:
                os.environ["CUDA_VISIBLE_DEVICES"] = self.accelerators
        return logged(self.run, self.measure)

    def checkpoint(self) -> "submitit.helpers.DelayedSubmission":
        """What submitit queues again when the job is preempted: the same."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


def _default_signals() -> None:
    """A process that renders scenes must not queue its job again, and ends when it is told to."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)


@dataclass(frozen=True)
class Jobs:
    """Submits runs to an `executor` of submitit, `at_a_time` of them, each at most `attempts` times
    where it fails; `tell` is given a line for whatever happens to a job."""

    executor: "submitit.Executor"
    at_a_time: int
    attempts: int
    tell: Callable[[str], None] = print

    @property
    def name(self) -> str:
        """`local` or `slurm`."""
        return self.executor.name()

    def outcomes(
        self, runs: Sequence[Run], measure: Measure, wait: bool = True
    ) -> Iterator[tuple[Run, Outcome]]:
        """The figures of each run as its job ends, or its error when the attempts are used up.

        Jobs that an earlier command submitted are followed, not submitted again. Without `wait` it
        ends when all that can be submitted is. Raises JointError where nothing can be submitted.
        """
        waiting: list[Run] = []
        followed: list[tuple[Run, submitit.Job[Any]]] = []
        for run in runs:
            record = Record.read(run)
            if record is not None and record.error is None:
                followed.append((run, self._job(record.id)))
            elif record is not None and record.attempts >= self.attempts:
                yield run, given_up(run, record)
            else:
                waiting.append(run)
        try:
            yield from self._until_ended(waiting, followed, measure, wait)
        except KeyboardInterrupt:  # it reaches local jobs too: no failure of theirs
            for run, job in followed:
                if getattr(job, "_process", None) is not None:
                    job.wait()
                    keep(run, job.job_id, error="interrupted", attempts=attempts_of(run) - 1)
            raise
        for run, job in followed:
            self.tell(f"{title(run)}: job {job.job_id}, {job.state.lower()}")
        for run in waiting:
            self.tell(f"{title(run)}: not submitted yet, {self.at_a_time} jobs are running")

    def _until_ended(
        self,
        waiting: list[Run],
        followed: "list[tuple[Run, submitit.Job[Any]]]",
        measure: Measure,
        wait: bool,
    ) -> Iterator[tuple[Run, Outcome]]:
        """Move runs from `waiting` to `followed`, and from there to what it yields."""
        while waiting or followed:
            for run, job in list(followed):
                if self._running(job):
                    continue
                followed.remove((run, job))
                outcome = ended(run, job)
                if isinstance(outcome, JointError):
                    keep(run, job.job_id, error=str(outcome))
                    if attempts_of(run) < self.attempts:
                        self.tell(f"{title(run)}: attempt {attempts_of(run)} failed: {outcome}")
                        waiting.append(run)
                        continue
                yield run, outcome
            room = max(self.at_a_time - len(followed), 0)
            now = waiting[:room]
            del waiting[:room]
            followed += self._submit(now, measure)
            if not wait:
                break
            time.sleep(POLL_SECONDS)

    def _submit(
        self, runs: Sequence[Run], measure: Measure
    ) -> "list[tuple[Run, submitit.Job[Any]]]":
        """Submit `runs`, but for those that another command has submitted since they were read."""
        if not runs:
            return []
        with _alone(self.executor.folder):
            records = [(run, Record.read(run)) for run in runs]
            followed = [(run, self._job(r.id)) for run, r in records if r and r.error is None]
            own = [run for run, record in records if record is None or record.error is not None]
            if own:
                jobs = self._array([self._work(run, measure) for run in own])
                for run, job in zip(own, jobs, strict=True):
                    host, attempt = socket.gethostname(), attempts_of(run) + 1
                    Record(self.name, host, str(job.job_id), attempt).write(run)
                    self.tell(f"{title(run)}: submitted as job {job.job_id}")
                followed += zip(own, jobs, strict=True)
        return followed

    def _array(self, work: Sequence[RunJob]) -> "list[submitit.Job[Any]]":
        from submitit.core.utils import FailedSubmissionError, UncompletedJobError

        try:
            return self.executor.submit_array(work)
        except (FailedSubmissionError, UncompletedJobError) as error:
            found = f"a refusal{last_line(str(error))}"
            raise ConfigError(f"--executor {self.name}", found, "options that it takes") from None
        except OSError as error:
            if error.filename is not None:  # the command line names it
                raise
            raise JointError(self.executor.folder, str(error.strerror), WRITABLE) from error

    def _work(self, run: Run, measure: Measure) -> RunJob:
        if self.name != LOCAL:
            return RunJob(run, measure)
        import torch

        threads = max(1, torch.get_num_threads() // self.at_a_time)
        return RunJob(run, measure, threads, os.environ.get("CUDA_VISIBLE_DEVICES"))

    def _job(self, identifier: str) -> "submitit.Job[Any]":
        """A job that was submitted before."""
        return self.executor.job_class(self.executor.folder, identifier)

    def _running(self, job: "submitit.Job[Any]") -> bool:
        """Whether a job runs or is in a queue; a local one may belong to another command."""
        if not job.done():
            return True
        if self.name != LOCAL:
            return False
        process = Path(f"/proc/{job.job_id}")
        try:
            line = (process / "cmdline").read_bytes()
            if not line:  # it is being started; one that has ended has no program either
                (process / "exe").readlink()
        except OSError:
            return False
        return not line or os.fsencode(self.executor.folder) in line


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One command at a time submits jobs of a grid, where the file system has locks."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a") as file:
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
