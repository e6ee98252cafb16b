"""Lists of what is spoken or converted in an evaluation, and in whose voice."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

from joint.data.corpus import Corpus
from joint.errors import DataError
from joint.files import line_not_utf8, refuse_extra_fields

SENTENCES, CONVERSIONS = "sentences.tsv", "conversions.tsv"
"""The lists that `joint prepare` writes beside a corpus."""


@dataclass(frozen=True)
class SpeechPair:
    """One row: `text` is what is spoken in the utterance `source`, and `reference` is the utterance
    that enrols the voice; of the same speaker in `SENTENCES`, of another one in `CONVERSIONS`."""

    id: str
    text: str
    source: str
    reference: str


COLUMNS = tuple(column.name for column in fields(SpeechPair))


@dataclass(frozen=True)
class SpeechPairs:
    """The rows of one file."""

    path: Path
    rows: tuple[SpeechPair, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[SpeechPair]:
        return iter(self.rows)

    @classmethod
    def load(cls, path: Path | str) -> "SpeechPairs":
        """Read a tab-separated file with the columns `id text source reference`.

        Raises DataError for a file that is missing, empty or not text, a missing column, an empty
        field, and an `id` that is repeated or not a file name.
        """
        path = Path(path)
        try:
            with path.open(newline="", encoding="utf-8-sig") as file:
                table = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
                if missing := [name for name in COLUMNS if name not in (table.fieldnames or ())]:
                    found = ", ".join(table.fieldnames or ()) or "an empty file"
                    expected = f"the columns {' '.join(COLUMNS)}"
                    raise DataError(path, f"no column {missing[0]} ({found})", expected)
                rows = tuple(_row(f"{path}:{table.line_num}", record) for record in table)
        except OSError as error:
            raise DataError(path, error.strerror or str(error), "a list of sentences") from error
        except (UnicodeDecodeError, csv.Error) as error:
            where = line_not_utf8(path)
            raise DataError(where, "bytes that are not UTF-8", "a list of sentences") from error
        if not rows:
            raise DataError(path, "no rows", "one row for each sentence")
        seen: set[str] = set()
        for row in rows:
            if row.id in seen:
                raise DataError(path, f"{row.id} repeated", "every id once")
            seen.add(row.id)
        return cls(path, rows)

    def check(self, corpus: Corpus, same_speaker: bool | None = None) -> None:
        """Raise DataError for a row with an utterance that is not in the corpus, and for one whose
        source and reference are not of the same speaker (`same_speaker`), or are (False)."""
        for row in self.rows:
            where = f"{self.path}, {row.id}"
            for name in (row.source, row.reference):
                if name not in corpus.by_id:
                    raise DataError(where, f"unknown utterance {name}", f"one of {corpus.where}")
            one, other = (corpus.by_id[name].speaker for name in (row.source, row.reference))
            if same_speaker is not None and (one == other) != same_speaker:
                found = f"source and reference by {one}" + ("" if one == other else f" and {other}")
                raise DataError(
                    where, found, "the same speaker" if same_speaker else "two speakers"
                )


def write_pairs(path: Path, rows: list[SpeechPair]) -> None:
    """Write a list that `SpeechPairs.load` reads; tabs and line breaks in a text become blanks."""
    lines = ["\t".join(COLUMNS)]
    lines += ["\t".join((r.id, " ".join(r.text.split()), r.source, r.reference)) for r in rows]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _row(where: str, record: dict[str, str | None]) -> SpeechPair:
    refuse_extra_fields(where, record)
    values = {name: (record[name] or "").strip() for name in COLUMNS}
    if empty := [name for name, value in values.items() if not value]:
        raise DataError(where, f"nothing under {empty[0]}", "a value in every column")
    if Path(values["id"]).name != values["id"] or values["id"] in (".", ".."):
        raise DataError(where, f"id {values['id']!r}", "a plain name without folders")
    return SpeechPair(**values)
