"""What the folder of a run remembers of its job, and what became of a job."""

import json
import socket
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from joint.errors import ConfigError, JointError, TrainingError
from joint.experiments.ablation import Run
from joint.files import atomic_write

if TYPE_CHECKING:
    import submitit

LOCAL, SLURM = "local", "slurm"
RECORD = "job.json"
COMPLETED = "COMPLETED"
"""SLURM's word for a job that ended well; on a shared disk its result may appear seconds later."""

Outcome = dict[str, Any] | JointError


@dataclass(frozen=True)
class Record:
    """The job of a run, kept in the run's folder: the executor and the host that submitted it, its
    `id`, how often the run has been submitted, and the error that it ended with, None before."""

    executor: str
    host: str
    id: str
    attempts: int
    error: str | None = None

    @classmethod
    def read(cls, run: Run) -> "Record | None":
        """The run's record; None where it was never submitted. Raises ConfigError."""
        path = run.folder / RECORD
        if not path.is_file():
            return None
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError):
            raise ConfigError(path, "no record of a job", "what `joint ablate` wrote") from None

    def write(self, run: Run) -> None:
        """Write it into the run's folder."""
        atomic_write(run.folder / RECORD, json.dumps(asdict(self), indent=2) + "\n")

    def check(self, run: Run, executor: str) -> None:
        """Raises ConfigError where its job cannot be followed from here: two trainings would write
        into one folder."""
        here = self.executor != LOCAL or self.host == socket.gethostname()
        if self.error is None and not (self.executor == executor and here):
            found = f"job {self.id} of --executor {self.executor} on {self.host}"
            expected = "the same executor and host, or no such file once that job has ended"
            raise ConfigError(run.folder / RECORD, found, expected)


def keep(run: Run, identifier: str, **changes: Any) -> None:
    """Change the record of a run, where its job is still the one called `identifier`."""
    record = Record.read(run)
    if record is not None and record.id == identifier:
        replace(record, **changes).write(run)


def given_up(run: Run, record: Record) -> JointError:
    """The error of a run whose attempts are used up."""
    found = f"{record.attempts} attempts that failed, the last with: {record.error}"
    return TrainingError(title(run), found, f"--attempts {record.attempts + 1} for another one")


def attempts_of(run: Run) -> int:
    """How often a run has been submitted."""
    record = Record.read(run)
    return 0 if record is None else record.attempts


def title(run: Run) -> str:
    """A run, for a message."""
    return f"{run.variant}, seed {run.seed}"


def ended(run: Run, job: "submitit.Job[Any]") -> Outcome:
    """What became of a job that has ended; a JointError names the files of its output."""
    from submitit.core.utils import UncompletedJobError

    figures = run.figures()
    if figures is not None:
        return figures
    files = f"a run that ends well; its output: {job.paths.stderr}"
    state = job.state.upper()
    if not job.paths.result_pickle.exists() and state != COMPLETED:
        found = f"no result, state {state}{last_line(job.stderr() or '')}"
        return TrainingError(title(run), found, files)
    try:
        outcome: Outcome = job.result()
    except UncompletedJobError as error:
        parts = str(error).split("-" * 22)  # submitit's rules above and below a traceback
        said = last_line(parts[1] if len(parts) > 1 else parts[0])
        return TrainingError(title(run), f"an error{said}", files)
    return outcome


def last_line(text: str) -> str:
    """The last line of `text` in brackets, after a blank; nothing where there is none."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f" ({lines[-1]})" if lines else ""
