"""A list of test mixtures of two or three speakers."""

import csv
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from joint.data.corpus import Corpus
from joint.errors import DataError
from joint.files import line_not_utf8, refuse_extra_fields
from joint.units import SAMPLE_RATE, Decibels, Hertz, Samples

COLUMNS = ("mix_id", "target", "interferer", "enrollment", "snr_db")
OPTIONAL = ("gain_db", "enrollment_gain_db", "enrollment_samples", "mode", "sample_rate")
THIRD = ("second_interferer", "second_snr_db")
"""Columns that may be absent or empty; each field then has its default. A row of three speakers has
both of `THIRD`."""
MODES, RATES = ("min", "max"), (SAMPLE_RATE, 8_000)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class MixtureRow:
    """Utterance ids of one mixture, and the SNR of the target against the interferer.

    Attributes:
        gain_db, enrollment_gain_db: Levels of target and enrolment above their recordings.
        enrollment_samples: Where the enrolment is cut, at 16 kHz; None: not at all.
        mode: `min` ends the mixture with the shorter utterance, `max` with the longer one.
        sample_rate: Of the mixture, its reference and the enrolment: 16 or 8 kHz.
        second_interferer, second_snr_db: Of a third speaker; None: there is none.
    """

    mix_id: str
    target: str
    interferer: str
    enrollment: str
    snr_db: Decibels
    gain_db: Decibels = 0.0
    enrollment_gain_db: Decibels = 0.0
    enrollment_samples: Samples | None = None
    mode: str = "min"
    sample_rate: Hertz = SAMPLE_RATE
    second_interferer: str | None = None
    second_snr_db: Decibels = 0.0

    @property
    def interferers(self) -> tuple[tuple[str, Decibels], ...]:
        """The utterances beside the target's, each with the SNR of the target against it."""
        first = (self.interferer, self.snr_db)
        if self.second_interferer is None:
            return (first,)
        return first, (self.second_interferer, self.second_snr_db)


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
        """Read a CSV with the columns `mix_id,target,interferer,enrollment,snr_db`, and any of
        `OPTIONAL` and `THIRD`.

        Raises DataError for a file that is missing, empty or not text, a missing column, an empty
        field, a level that is not a number, an unknown mode or rate, rows of two rates, and a
        `mix_id` that is repeated or not a file name.
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
        if len(rates := {row.sample_rate for row in rows}) > 1:
            raise DataError(path, f"rows at {' and '.join(map(str, sorted(rates)))} Hz", "one rate")
        return cls(path, rows)

    @property
    def sample_rate(self) -> Hertz:
        """The rate of all rows."""
        return self.rows[0].sample_rate

    def check(self, corpus: Corpus) -> None:
        """Raise DataError for a row with an utterance that is not in the corpus.

        Rows with an enrolment of another speaker, or with one speaker twice in the mixture, are
        counted in a warning: they are valid only as a control experiment.
        """
        utterances, odd = corpus.by_id, []
        for row in self.rows:
            others = [name for name, _ in row.interferers]
            for name in (row.target, *others, row.enrollment):
                if name not in utterances:
                    where = f"{self.path}, {row.mix_id}"
                    raise DataError(where, f"unknown utterance {name}", f"one of {corpus.where}")
            target = utterances[row.target].speaker
            own_enrollment = utterances[row.enrollment].speaker == target
            talking = [target, *(utterances[name].speaker for name in others)]
            if not own_enrollment or len(set(talking)) < len(talking):
                odd.append(row.mix_id)
        if odd:
            problem = "an enrolment of another speaker, or one speaker twice"
            logger.warning("%s: %d rows (%s …) with %s", self.path, len(odd), odd[0], problem)


def _row(where: str, record: dict[str, str | None]) -> MixtureRow:
    refuse_extra_fields(where, record)
    values = {name: (record[name] or "").strip() for name in COLUMNS}
    if empty := [name for name, value in values.items() if not value]:
        raise DataError(where, f"nothing under {empty[0]}", "a value in every column")
    if Path(values["mix_id"]).name != values["mix_id"]:  # it is the file name of the estimate
        raise DataError(where, f"mix_id {values['mix_id']!r}", "a plain name without folders")
    return MixtureRow(
        values["mix_id"],
        values["target"],
        values["interferer"],
        values["enrollment"],
        _decibels(where, "snr_db", values["snr_db"]),
        **_options(where, {n: (record.get(n) or "").strip() for n in (*OPTIONAL, *THIRD)}),
    )


def _options(where: str, values: Mapping[str, str]) -> dict[str, Any]:
    """The optional fields of a row that are not empty."""
    found: dict[str, Any] = {}
    if len(given := [name for name in THIRD if values[name]]) == 1:
        raise DataError(where, f"{given[0]} alone", f"{' and '.join(THIRD)}, or neither")
    for name, value in values.items():
        if not value:
            continue
        if name == "second_interferer":
            found[name] = value
        elif name.endswith("_db"):
            found[name] = _decibels(where, name, value)
        elif name == "mode":
            if value not in MODES:
                raise DataError(where, f"mode {value!r}", " or ".join(MODES))
            found[name] = value
        else:
            number = int(value) if value.isdecimal() else 0
            expected = "8000 or 16000" if name == "sample_rate" else "a number of samples"
            if number < 1 or (name == "sample_rate" and number not in RATES):
                raise DataError(where, f"{name} {value!r}", expected)
            found[name] = number
    return found


def _decibels(where: str, name: str, value: str) -> Decibels:
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if not np.isfinite(number):
        raise DataError(where, f"{name} {value!r}", "a number of decibels")
    return number
