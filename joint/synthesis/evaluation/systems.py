"""Systems that make speech, side by side on a list of sentences or conversions."""

import logging
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from joint.audio import AudioWarning
from joint.data.corpus import Corpus
from joint.data.speech_pairs import SpeechPair
from joint.errors import AudioError, DataError, JointError
from joint.layers.threads import one_thread
from joint.synthesis.evaluation.instruments import Compared, Instruments, Measured
from joint.synthesis.finishing.marking import write_synthetic
from joint.training.memory import giving_back
from joint.training.progress import shown
from joint.units import SAMPLE_RATE, Seconds

Make = Callable[[SpeechPair, np.ndarray, np.ndarray], np.ndarray]
"""A row with its source `(S,)` and its reference `(S',)`, float32 at 16 kHz, to speech `(S'',)`."""

NATURAL, REFERENCE = "natural", "reference"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class System:
    """How speech is made, and what of it can be compared with the source."""

    make: Make
    compared: Compared = Compared.NOTHING


@dataclass
class Timing:
    """Seconds of the processor and of speech made; the first row, in which more is loaded once,
    counts only where it is the only one."""

    processing: list[Seconds] = field(default_factory=list)
    speech: list[Seconds] = field(default_factory=list)

    @property
    def real_time_factor(self) -> float:
        """Processor time over the duration of what was made."""
        first = 1 if len(self.speech) > 1 else 0
        return sum(self.processing[first:]) / max(sum(self.speech[first:]), 1e-9)


@dataclass
class Evaluation:
    """The measures of every system on the rows that could be read.

    `references` are those of the reference recordings, `sounds` the waveforms of the rows that are
    kept to be played, by the row's id.
    """

    rows: list[SpeechPair] = field(default_factory=list)
    measured: dict[str, list[Measured]] = field(default_factory=dict)
    references: list[Measured] = field(default_factory=list)
    timings: dict[str, Timing] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    sounds: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)


def evaluate_systems(
    systems: Mapping[str, System],
    corpus: Corpus,
    rows: Sequence[SpeechPair],
    instruments: Instruments,
    output: Path | None = None,
    played: int = 0,
    progress: bool = True,
) -> Evaluation:
    """Make and measure the speech of every system, and measure the natural source recording.

    Systems run on one thread. `output` is a folder for `SYSTEM/ID.wav`; the waveforms of `played`
    rows, evenly spaced in the list, are kept. A row whose recordings cannot be read, or whose text
    or recordings a system refuses, is left out and logged.

    Raises DataError where no row is left, JointError where a system gives anything but a waveform
    of finite samples.
    """
    found = Evaluation()
    found.measured = {name: [] for name in (NATURAL, *systems)}
    found.timings = {name: Timing() for name in systems}
    places = np.linspace(0, len(rows) - 1, min(played, len(rows))).round().astype(int)
    kept = {rows[place].id for place in places}
    for row in giving_back(shown(rows, "evaluating", progress)):
        try:
            source = corpus.by_id[row.source].waveform()
            reference = corpus.by_id[row.reference].waveform()
            made = {
                name: _timed(found.timings[name], system, name, row, source, reference)
                for name, system in systems.items()
            }
        except (AudioError, DataError) as error:
            logger.warning("skipped %s: %s", row.id, error)
            found.skipped.append(row.id)
            continue
        found.rows.append(row)
        found.references.append(instruments.identity(reference))
        found.measured[NATURAL].append(instruments.measure(source, row.text))
        for name, system in systems.items():
            measured = instruments.measure(made[name], row.text, source, system.compared)
            found.measured[name].append(measured)
            if output is not None:
                _write(output / name.replace(" ", "_") / f"{row.id}.wav", made[name])
        if row.id in kept:
            found.sounds[row.id] = {NATURAL: source, REFERENCE: reference, **made}
    if not found.rows:
        raise DataError(corpus.where, f"none of {len(rows)} rows usable", "at least one")
    return found


def _timed(
    timing: Timing,
    system: System,
    name: str,
    row: SpeechPair,
    source: np.ndarray,
    reference: np.ndarray,
) -> np.ndarray:
    with one_thread():
        # the processor's time: other work on the machine does not count
        begin = time.thread_time()
        made = np.asarray(system.make(row, source, reference), dtype=np.float32)
        seconds = time.thread_time() - begin
    if made.ndim != 1 or not made.size or not np.isfinite(made).all():
        found = f"samples that are not finite, or an array of shape {made.shape}"
        raise JointError(f"{name}, {row.id}", found, "finite samples, shape (S,)")
    timing.processing.append(seconds)
    timing.speech.append(len(made) / SAMPLE_RATE)
    return made


def _write(path: Path, waveform: np.ndarray) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AudioWarning)  # one line for each loud file would be many
        write_synthetic(path, waveform)
