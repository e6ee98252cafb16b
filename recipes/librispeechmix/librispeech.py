"""The tree of LibriSpeech (OpenSLR 12): `train-clean-100/19/198/19-198-0000.flac` and the texts
of a chapter in `19-198.trans.txt` beside its recordings."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import track

from joint.data.corpus import Utterance
from joint.data.prepare.tables import read_table
from joint.errors import DataError
from joint.files import read_lines

PART = re.compile(r"(train|dev|test)-(clean|other)(-\d+)?")
AUDIO = (".flac", ".wav")
"""Endings of recordings, the published one first."""

VALIDATION, TEST = "dev-clean", "test-clean"
"""The parts of which LibriSpeechMix and LibriMix are made, beside those to train on."""


@dataclass(frozen=True)
class LibriSpeech:
    """Utterances to train on, those of dev-clean (none where it is not there), and test-clean's."""

    root: Path
    train: list[Utterance]
    validation: list[Utterance]
    test: list[Utterance]

    @classmethod
    def load(
        cls, folder: str | Path, train_parts: Sequence[str] = (), test_only: bool = False
    ) -> "LibriSpeech":
        """Read the texts of `folder`, or of LibriSpeech/ in it; no audio is opened.

        `train_parts` names the parts to train on, such as `train-clean-100`; none: all that are
        there, which may be none. With `test_only` test-clean alone is read. Raises DataError for a
        part that is not there, for a chapter without transcripts and for a recording without a
        text.
        """
        root = _root(Path(folder))
        parts = sorted(path.name for path in root.iterdir() if PART.fullmatch(path.name))
        wanted = list(train_parts) or [name for name in parts if name.startswith("train-")]
        if missing := [name for name in (*wanted, TEST) if name not in parts]:
            found = f"no {missing[0]} ({', '.join(parts)})"
            raise DataError(root, found, "folders such as train-clean-100 and test-clean")
        if test_only:
            wanted, parts = [], [TEST]
        genders = _genders(root / "SPEAKERS.TXT")
        return cls(
            root,
            [u for part in wanted for u in _utterances(root / part, genders)],
            list(_utterances(root / VALIDATION, genders)) if VALIDATION in parts else [],
            list(_utterances(root / TEST, genders)),
        )

    @property
    def splits(self) -> dict[str, list[Utterance]]:
        """What is there to make lists of: `test`, and `validation` where dev-clean is there."""
        return {"test": self.test} | ({"validation": self.validation} if self.validation else {})

    def warnings(self, test_only: bool) -> list[str]:
        """That there are no lists of dev-clean, where that was not asked for."""
        missing = not (self.validation or test_only)
        return [f"no {VALIDATION} in {self.root}: no lists of it"] if missing else []


def _root(folder: Path) -> Path:
    for root in (folder, folder / "LibriSpeech"):
        if root.is_dir() and any(PART.fullmatch(path.name) for path in root.iterdir()):
            return root
    raise DataError(folder, "no part of LibriSpeech", "train-clean-100, dev-clean, test-clean, …")


def _utterances(part: Path, genders: dict[str, str]) -> Iterator[Utterance]:
    """Utterances of a part, a chapter at a time, in the order of their ids."""
    console = Console(stderr=True)
    speakers = _folders(part)
    for speaker in track(
        speakers, f"reading {part.name}", console=console, disable=not console.is_terminal
    ):
        for chapter in _folders(part / speaker):
            folder = part / speaker / chapter
            for name, (path, text) in sorted(_chapter(folder, f"{speaker}-{chapter}").items()):
                yield Utterance(name, str(path), speaker, text, genders.get(speaker))


def _chapter(folder: Path, name: str) -> dict[str, tuple[Path, str]]:
    """Recording and text of every utterance; one that has a text alone is given as FLAC, and
    will be skipped by name."""
    transcripts = folder / f"{name}.trans.txt"
    found: dict[str, str] = {}
    for ending in reversed(AUDIO):
        found |= dict.fromkeys(_stems(folder, ending), ending)
    if not found and not transcripts.is_file():
        return {}
    if not transcripts.is_file():
        raise DataError(folder, f"no {transcripts.name}", "the transcripts beside the recordings")
    texts = read_table(transcripts)
    if missing := sorted(name for name in found if not texts.get(name)):
        count = f"no text of {missing[0]} ({len(missing)} missing)"
        raise DataError(transcripts, count, "a line for each recording")
    return {key: (folder / f"{key}{found.get(key, AUDIO[0])}", text) for key, text in texts.items()}


def _stems(folder: Path, ending: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(ending):
                yield entry.name.removesuffix(ending)


def _folders(folder: Path) -> list[str]:
    """Numbered folders: speakers of a part, chapters of a speaker."""
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if entry.name.isdecimal() and entry.is_dir())


def _genders(path: Path) -> dict[str, str]:
    """`m` or `f` of the speakers in a table such as `14 | F | train-clean-360 | 25.03 | NAME`.

    A tree without the table has none. Raises DataError for a line of another form.
    """
    if not path.is_file():
        return {}
    genders = {}
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip() or line.startswith(";"):
            continue
        columns = [column.strip() for column in line.split("|")]
        if len(columns) < 2 or columns[1].lower() not in ("m", "f"):
            raise DataError(f"{path}:{number}", repr(line[:80]), "SPEAKER | M or F | …")
        genders[columns[0]] = columns[1].lower()
    return genders
