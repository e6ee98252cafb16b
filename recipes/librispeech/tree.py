"""The tree of LibriSpeech (OpenSLR 12 and 31): `train-clean-100/19/198/19-198-0000.flac`, the texts
of a chapter in `19-198.trans.txt` beside its recordings, SPEAKERS.TXT and CHAPTERS.TXT on top."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import track

from joint.data.corpus import Utterance
from joint.data.prepare.tables import read_table
from joint.errors import DataError, first_of, shortened
from joint.files import read_lines

PART = re.compile(r"(train|dev|test)-(clean|other)(-\d+)?")
AUDIO = (".flac", ".wav")
"""Endings of recordings, the published one first."""


@dataclass
class Tree:
    """An unpacked LibriSpeech: `parts` are the folders that are there, sorted.

    `genders` is `m` or `f` by speaker, empty without SPEAKERS.TXT; `ignored` gathers the paths of
    recordings that are not named SPEAKER-CHAPTER-NUMBER, as they are met.
    """

    root: Path
    parts: list[str]
    genders: dict[str, str]
    ignored: list[str] = field(default_factory=list)

    @classmethod
    def open(cls, folder: str | Path) -> "Tree":
        """The tree in `folder`, or in LibriSpeech/ in it; no recording is opened.

        Raises DataError where no part is there, for a path that is not UTF-8, which no table can
        name, and for a broken SPEAKERS.TXT.
        """
        root = _root(Path(folder).absolute())
        try:
            str(root).encode("utf-8")
        except UnicodeEncodeError as error:
            raise DataError(ascii(str(root)), "a path that is not UTF-8", "a UTF-8 path") from error
        parts = sorted(path.name for path in root.iterdir() if PART.fullmatch(path.name))
        return cls(root, parts, read_genders(root / "SPEAKERS.TXT"))

    def require(self, parts: Sequence[str]) -> None:
        """Raise DataError for a part that is not there."""
        if missing := [name for name in parts if name not in self.parts]:
            found = f"no {missing[0]} ({', '.join(self.parts)})"
            raise DataError(self.root, found, "folders such as train-clean-100 and test-clean")

    def utterances(self, part: str) -> Iterator[Utterance]:
        """Utterances of a part, a chapter at a time, in the order of their ids.

        Raises DataError for a chapter without transcripts and for a recording without a text.
        """
        folder = self.root / part
        console = Console(stderr=True)
        for speaker in track(
            _folders(folder),
            f"reading {part}",
            console=console,
            disable=not console.is_terminal,
        ):
            for chapter in _folders(folder / speaker):
                rows = self._chapter(folder / speaker / chapter, f"{speaker}-{chapter}")
                for name, (path, text) in sorted(rows.items()):
                    yield Utterance(name, str(path), speaker, text, self.genders.get(speaker))

    def warnings(self) -> list[str]:
        """How many recordings were ignored for their names, with some of these."""
        if not self.ignored:
            return []
        shown = shortened(first_of(self.ignored, 2))
        count = len(self.ignored)
        return [f"{count} recordings ignored, not named SPEAKER-CHAPTER-NUMBER: {shown}"]

    def _chapter(self, folder: Path, name: str) -> dict[str, tuple[Path, str]]:
        """Recording and text of every utterance; one that has a text alone is given as FLAC, and
        will be skipped by name."""
        transcripts = folder / f"{name}.trans.txt"
        named = re.compile(rf"{name}-\d+", re.ASCII)
        found: dict[str, str] = {}
        for ending in reversed(AUDIO):
            for stem in _stems(folder, ending):
                if named.fullmatch(stem):
                    found[stem] = ending
                else:
                    self.ignored.append(f"{folder / stem}{ending}")
        if not found and not transcripts.is_file():
            return {}
        if not transcripts.is_file():
            raise DataError(folder, f"no {transcripts.name}", "the transcripts beside recordings")
        texts = read_table(transcripts)
        if missing := sorted(name for name in found if not texts.get(name)):
            count = f"no text of {missing[0]} ({len(missing)} missing)"
            raise DataError(transcripts, count, "a line for each recording")
        return {
            key: (folder / f"{key}{found.get(key, AUDIO[0])}", text) for key, text in texts.items()
        }


def _root(folder: Path) -> Path:
    for root in (folder, folder / "LibriSpeech"):
        if root.is_dir() and any(PART.fullmatch(path.name) for path in root.iterdir()):
            return root
    raise DataError(folder, "no part of LibriSpeech", "train-clean-100, dev-clean, test-clean, …")


def _stems(folder: Path, ending: str) -> list[str]:
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries)
    return [name.removesuffix(ending) for name in names if name.endswith(ending)]


def _folders(folder: Path) -> list[str]:
    """Numbered folders: speakers of a part, chapters of a speaker."""
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if entry.name.isdecimal() and entry.is_dir())


def read_genders(path: Path) -> dict[str, str]:
    """`m` or `f` of the speakers in a table such as `14 | F | train-clean-360 | 25.03 | NAME`.

    A tree without the table has none. Raises DataError for a line of another form.
    """
    genders = {}
    for where, line, columns in _rows(path):
        if len(columns) < 2 or columns[1].lower() not in ("m", "f"):
            raise DataError(where, repr(line[:80]), "SPEAKER | M or F | …")
        genders[columns[0]] = columns[1].lower()
    return genders


def read_projects(path: Path) -> dict[str, str]:
    """The LibriVox project of each chapter, one for each audio book, in a table such as
    `198 | 19 | 8.42 | train-clean-100 | 219 | 121 | Chapter 01 | Northanger Abbey`: 219.

    A tree without the table has none. Raises DataError for a line of another form.
    """
    projects = {}
    for where, line, columns in _rows(path):
        if len(columns) < 6 or not columns[0].isdecimal():
            expected = "CHAPTER | SPEAKER | MINUTES | PART | PROJECT | …"
            raise DataError(where, repr(line[:80]), expected)
        projects[columns[0]] = columns[4]
    return projects


def _rows(path: Path) -> Iterator[tuple[str, str, list[str]]]:
    """Place, line and columns of a table with `|` and comments after `;`, if it is there."""
    if not path.is_file():
        return
    for number, line in enumerate(read_lines(path), start=1):
        if line.strip() and not line.startswith(";"):
            yield f"{path}:{number}", line, [column.strip() for column in line.split("|")]
