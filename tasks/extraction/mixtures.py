"""A list of two-speaker test mixtures, and the rendering of its rows."""

import csv
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from joint.data.corpus import Corpus
from joint.errors import AudioError, DataError
from joint.files import line_not_utf8, refuse_extra_fields
from joint.units import Decibels

COLUMNS = ("mix_id", "target", "interferer", "enrollment", "snr_db")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class MixtureRow:
    """Utterance ids of one mixture, and the SNR of the target against the interferer."""

    mix_id: str
    target: str
    interferer: str
    enrollment: str
    snr_db: Decibels


class RenderedMixture(NamedTuple):
    """Waveforms float32 at 16 kHz: `mixture (S,)` = `reference (S,)` + `interference (S,)`, and
    `enrollment (S2,)`, another recording of the target; `target_whole` where the mixture has all
    of the target's utterance."""

    mixture: np.ndarray
    reference: np.ndarray
    interference: np.ndarray
    enrollment: np.ndarray
    target_whole: bool


@dataclass(frozen=True)
class MixtureList:
    """The rows of one file."""

    path: Path
    rows: tuple[MixtureRow, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[MixtureRow]:
        return iter(self.rows)

    @classmethod
    def load(cls, path: Path | str) -> "MixtureList":
        """Read a CSV with the columns `mix_id,target,interferer,enrollment,snr_db`.

        Raises DataError for a file that is missing, empty or not text, a missing column, an empty
        field, an SNR that is not a number, and a `mix_id` that is repeated or not a file name.
        """
        path = Path(path)
        try:
            with path.open(newline="", encoding="utf-8-sig") as file:
                table = csv.DictReader(file)
                if missing := [name for name in COLUMNS if name not in (table.fieldnames or ())]:
                    found = ", ".join(table.fieldnames or ()) or "an empty file"
                    raise DataError(path, f"no column {missing[0]} ({found})", ",".join(COLUMNS))
                rows = tuple(_row(f"{path}:{table.line_num}", record) for record in table)
        except OSError as error:
            raise DataError(path, error.strerror or str(error), "a mixture list") from error
        except (UnicodeDecodeError, csv.Error) as error:
            where = line_not_utf8(path)
            raise DataError(where, "bytes that are not UTF-8", "a mixture list (CSV)") from error
        if not rows:
            raise DataError(path, "no rows", "one row for each mixture")
        seen: set[str] = set()
        for row in rows:
            if row.mix_id in seen:
                raise DataError(path, f"{row.mix_id} repeated", "every mix_id once")
            seen.add(row.mix_id)
        return cls(path, rows)

    def check(self, corpus: Corpus) -> None:
        """Raise DataError for a row with an utterance that is not in the corpus.

        Rows with an enrolment of another speaker, or with the target as interferer, are counted in
        a warning: they are valid only as a control experiment.
        """
        utterances, odd = corpus.by_id, []
        for row in self.rows:
            for name in (row.target, row.interferer, row.enrollment):
                if name not in utterances:
                    where = f"{self.path}, {row.mix_id}"
                    raise DataError(where, f"unknown utterance {name}", f"one of {corpus.where}")
            target = utterances[row.target].speaker
            own_enrollment = utterances[row.enrollment].speaker == target
            if not own_enrollment or utterances[row.interferer].speaker == target:
                odd.append(row.mix_id)
        if odd:
            problem = "an enrolment of another speaker, or the target as interferer"
            logger.warning("%s: %d rows (%s …) with %s", self.path, len(odd), odd[0], problem)


def render(row: MixtureRow, corpus: Corpus) -> RenderedMixture:
    """Read the recordings of a row and mix them. Raises AudioError where one cannot be used."""
    target, interferer, enrollment = (
        corpus.by_id[name].waveform() for name in (row.target, row.interferer, row.enrollment)
    )
    try:
        reference, interference = mix(target, interferer, row.snr_db)
    except ValueError as error:
        raise AudioError(row.mix_id, str(error), "speech of both speakers") from error
    whole = len(reference) == len(target)
    return RenderedMixture(reference + interference, reference, interference, enrollment, whole)


def mix(
    target: np.ndarray, interferer: np.ndarray, snr_db: Decibels
) -> tuple[np.ndarray, np.ndarray]:
    """Reference and scaled interference, `(S,)` float32 each, S the shorter of both lengths.

    The target is unchanged; the interferer is scaled so that the target's mean power over these S
    samples is `snr_db` above the interferer's. Raises ValueError where one of them is silent there.
    """
    length = min(len(target), len(interferer))
    target, interferer = target[:length], interferer[:length]
    power, other = (np.mean(np.square(w, dtype=np.float64)) for w in (target, interferer))
    if power == 0 or other == 0:
        silent = "target" if power == 0 else "interferer"
        raise ValueError(f"a silent {silent} in the first {length} samples")
    gain = np.sqrt(power / (other * 10 ** (snr_db / 10)))
    return target.astype(np.float32), interferer.astype(np.float32) * np.float32(gain)


def _row(where: str, record: dict[str, str | None]) -> MixtureRow:
    refuse_extra_fields(where, record)
    values = {name: (record[name] or "").strip() for name in COLUMNS}
    if empty := [name for name, value in values.items() if not value]:
        raise DataError(where, f"nothing under {empty[0]}", "a value in every column")
    try:
        snr_db = float(values["snr_db"])
    except ValueError:
        snr_db = float("nan")
    if not np.isfinite(snr_db):
        raise DataError(where, f"snr_db {values['snr_db']!r}", "a number of decibels")
    if Path(values["mix_id"]).name != values["mix_id"]:  # it is the file name of the estimate
        raise DataError(where, f"mix_id {values['mix_id']!r}", "a plain name without folders")
    return MixtureRow(
        values["mix_id"], values["target"], values["interferer"], values["enrollment"], snr_db
    )
