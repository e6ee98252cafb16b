"""Lists of mixtures of several speakers, and their waveforms."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from joint.data.corpus import Corpus
from joint.errors import DataError
from joint.files import atomic_path, line_not_utf8, refuse_extra_fields
from joint.units import Decibels, Samples

ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")
"""Columns of the utterances, in order of their starts."""

ONE_DELAY = "delay_samples"
"""The column `delay_second` in a list of two speakers."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One utterance, whole: `start` Samples after the first one's, `gain_db` above the recording.

    `enrollment` is another utterance of its speaker; None where the list names none.
    """

    utterance: str
    start: Samples = 0
    enrollment: str | None = None
    gain_db: Decibels = 0.0


@dataclass(frozen=True, slots=True)
class Conversation:
    """One mixture: its turns in order of start, the first at 0; `line` of the list."""

    mix_id: str
    turns: tuple[Turn, ...]
    line: int = field(default=0, compare=False)


class RenderedConversation(NamedTuple):
    """`mixture (S,)` float32 at 16 kHz, and the turns' texts in order of start."""

    mixture: np.ndarray
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Conversations:
    """The rows of one file; raises DataError where a `mix_id` stands twice."""

    path: Path
    rows: tuple[Conversation, ...]

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for row in self.rows:
            if row.mix_id in seen:
                where = f"{self.path}:{row.line}"
                raise DataError(where, f"{row.mix_id} a second time", "every mix_id once")
            seen.add(row.mix_id)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Conversation]:
        return iter(self.rows)

    @classmethod
    def load(cls, path: Path | str) -> "Conversations":
        """Read a CSV with `mix_id`, `first`, and a column for each further speaker: `second` ….

        `delay_second`, `delay_third` … (or, for two, `delay_samples`) are the starts after the
        first one's; `enrollment_first` … and `gain_db_first` … may be absent or empty. A row of
        fewer speakers leaves its last columns empty. Raises DataError for a file that is missing,
        empty or not text, a missing column, a `mix_id` that is no file name, an empty field, a
        delay that is negative or no whole number, and delays that fall.
        """
        path = Path(path)
        try:
            with path.open(newline="", encoding="utf-8-sig") as file:
                table = csv.DictReader(file)
                speakers = _speakers(path, tuple(table.fieldnames or ()))
                rows = tuple(_row(path, table.line_num, record, speakers) for record in table)
        except OSError as error:
            raise DataError(path, error.strerror or str(error), "a list of mixtures") from error
        except (UnicodeDecodeError, csv.Error) as error:
            where = line_not_utf8(path)
            raise DataError(where, "bytes that are not text", "a list of mixtures (CSV)") from error
        if not rows:
            raise DataError(path, "no rows", "a row for each mixture")
        return cls(path, rows)

    def check(self, corpus: Corpus) -> None:
        """Raise DataError where a row does not fit the corpus.

        Refused: an utterance that the corpus lacks, one speaker in two turns of a mixture, an
        enrolment of another speaker, and an enrolment that is the utterance itself.
        """
        for row in self.rows:
            _check(f"{self.path}:{row.line}", row, corpus)


def write_conversations(path: Path, rows: Iterable[Conversation]) -> None:
    """Write a list that `Conversations.load` reads; columns that no row needs are left out."""
    rows = tuple(rows)
    turns = [turn for row in rows for turn in row.turns]
    names = ORDINALS[: max(len(row.turns) for row in rows)]
    delays = [ONE_DELAY] if len(names) == 2 else [f"delay_{name}" for name in names[1:]]
    header = ["mix_id", *names, *delays]
    if enrolled := any(turn.enrollment for turn in turns):
        header += [f"enrollment_{name}" for name in names]
    if scaled := any(turn.gain_db for turn in turns):
        header += [f"gain_db_{name}" for name in names]
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for row in rows:
            absent = [""] * (len(names) - len(row.turns))
            fields = [row.mix_id, *(t.utterance for t in row.turns), *absent]
            fields += [*(str(t.start) for t in row.turns[1:]), *absent]
            if enrolled:
                fields += [*(t.enrollment or "" for t in row.turns), *absent]
            if scaled:
                fields += [*(f"{t.gain_db:.5f}" for t in row.turns), *absent]
            writer.writerow(fields)


def render(row: Conversation, corpus: Corpus) -> RenderedConversation:
    """Read the recordings of a row and add them up; raises AudioError where one cannot be used.

    Every utterance is whole and as recorded but for its gain; the mixture ends with the last.
    """
    waveforms = [corpus.by_id[turn.utterance].waveform() for turn in row.turns]
    ends = [turn.start + len(w) for turn, w in zip(row.turns, waveforms, strict=True)]
    mixture = np.zeros(max(ends), dtype=np.float32)
    for turn, waveform, end in zip(row.turns, waveforms, ends, strict=True):
        mixture[turn.start : end] += np.float32(10 ** (turn.gain_db / 20)) * waveform
    texts = tuple(corpus.by_id[turn.utterance].text for turn in row.turns)
    return RenderedConversation(mixture, texts)


def overlap_ratio(row: Conversation, corpus: Corpus) -> float:
    """Share of the mixture's duration in which two or more recordings run, 0 to 1.

    A recording's own silence counts as talk.
    """
    edges: list[tuple[Samples, int]] = []
    for turn in row.turns:
        end = turn.start + corpus.by_id[turn.utterance].samples
        edges += [(turn.start, 1), (end, -1)]
    talking = overlapped = last = 0
    for position, change in sorted(edges):
        overlapped += (position - last) * (talking > 1)
        talking, last = talking + change, position
    return overlapped / last


def genders(row: Conversation, corpus: Corpus) -> tuple[str | None, ...]:
    """`m` or `f` of every turn's speaker, None where the corpus does not say."""
    return tuple(corpus.by_id[turn.utterance].gender for turn in row.turns)


def _speakers(path: Path, header: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """`(column of the utterance, column of its delay)` of every speaker that the header names."""
    names = [name for name in ORDINALS if name in header]
    expected = "mix_id,first,second,delay_samples,enrollment_first,enrollment_second"
    missing = [name for name in ("mix_id", *ORDINALS[: max(len(names), 1)]) if name not in header]
    delays = [f"delay_{name}" for name in names]
    if len(names) == 2 and ONE_DELAY in header:
        delays[1] = ONE_DELAY
    if missing := missing + [name for name in delays[1:] if name not in header]:
        found = ", ".join(header) or "an empty file"
        raise DataError(path, f"no column {missing[0]} ({found})", expected)
    return tuple(zip(names, delays, strict=True))


def _row(
    path: Path, line: int, record: dict[str, str | None], speakers: tuple[tuple[str, str], ...]
) -> Conversation:
    where = f"{path}:{line}"
    refuse_extra_fields(where, record)
    values = {name: (value or "").strip() for name, value in record.items() if name is not None}
    if not values["mix_id"] or Path(values["mix_id"]).name != values["mix_id"]:
        raise DataError(where, f"mix_id {values['mix_id']!r}", "a plain name without folders")
    turns: list[Turn] = []
    for index, (name, delay) in enumerate(speakers):
        own = (name, f"enrollment_{name}", f"gain_db_{name}", *([delay] if index else []))
        if not values[name] and index and not any(values.get(column) for column in own):
            continue
        if not values[name] or len(turns) < index:
            empty = name if not values[name] else speakers[len(turns)][0]
            raise DataError(where, f"nothing under {empty}", "an utterance for every speaker")
        start = _delay(where, delay, values[delay]) if index else 0
        if turns and start < turns[-1].start:
            found = f"{delay} {start} after one of {turns[-1].start}"
            raise DataError(where, found, "speakers in order of their starts")
        gain = _gain(where, own[2], values.get(own[2], ""))
        turns.append(Turn(values[name], start, values.get(own[1]) or None, gain))
    return Conversation(values["mix_id"], tuple(turns), line)


def _delay(where: str, column: str, value: str) -> Samples:
    if not value.isdecimal():
        raise DataError(where, f"{column} {value!r}", "a whole number of samples, 0 or more")
    return int(value)


def _gain(where: str, column: str, value: str) -> Decibels:
    try:
        gain = float(value or 0)
    except ValueError:
        gain = float("nan")
    if not np.isfinite(gain):
        raise DataError(where, f"{column} {value!r}", "a number of decibels")
    return gain


def _check(where: str, row: Conversation, corpus: Corpus) -> None:
    known = corpus.by_id
    for turn in row.turns:
        for name in (turn.utterance, turn.enrollment):
            if name is not None and name not in known:
                raise DataError(where, f"unknown utterance {name}", f"one of {corpus.where}")
    speakers = [known[turn.utterance].speaker for turn in row.turns]
    for turn, speaker in zip(row.turns, speakers, strict=True):
        if speakers.count(speaker) > 1:
            raise DataError(where, f"speaker {speaker} twice", "another speaker in every turn")
        if turn.enrollment == turn.utterance:
            raise DataError(where, f"{turn.utterance} as its own enrolment", "another recording")
        if turn.enrollment is not None and known[turn.enrollment].speaker != speaker:
            found = f"{turn.enrollment} of {known[turn.enrollment].speaker} to enrol {speaker}"
            raise DataError(where, found, "an utterance of the same speaker")
