"""Kaldi tables (`wav.scp text utt2spk`, `spk2gender` and `spk2age` where present) in and out."""

import logging
import os
import re
import shutil
from collections.abc import Container, Iterable
from pathlib import Path

from joint.data.corpus import Utterance
from joint.data.speech_pairs import CONVERSIONS, SENTENCES
from joint.errors import DataError
from joint.files import read_lines

WAV_SCP = "wav.scp"
LISTS = (
    "trials",
    "trials_*",
    "mix[1-9]_extraction.csv",
    "mix[1-9]_recognition.csv",
    SENTENCES,
    CONVERSIONS,
)
"""File names of the test lists beside a corpus."""

_EXTENSIONS = (".WAV", ".wav", ".ogg", ".flac")
_GENDERS = {"m": "m", "male": "m", "f": "f", "female": "f"}
_BLANKS = re.compile("[\t ]+")
_BREAKS = re.compile("[\v\f\x1c-\x1e\x85\u2028\u2029]")
"""Characters that Python's `splitlines` takes for the end of a line and Kaldi does not."""

logger = logging.getLogger(__name__)


def read_tables(folder: str | Path) -> list[Utterance]:
    """The utterances of a folder of Kaldi tables, in the order of `wav.scp`; the audio is not
    opened, so that `samples` is 0.

    Raises DataError where the tables do not agree: an utterance of `wav.scp` that another table
    lacks, one that occurs in `text` or in `utt2spk` alone, and a speaker of `spk2gender` or
    `spk2age` who has no utterance. Utterances that lack a line in `wav.scp` alone are counted in a
    warning.
    """
    folder = Path(folder)
    names = (WAV_SCP, "text", "utt2spk")
    if missing := [name for name in names if not (folder / name).is_file()]:
        raise DataError(folder, f"no {', '.join(missing)}", f"the tables {', '.join(names)}")
    if (folder / "segments").is_file():
        raise DataError(folder / "segments", "a segments table", "one file an utterance")
    paths = read_wav_scp(folder / WAV_SCP)
    speakers = read_table(folder / "utt2spk", paths)
    texts = read_table(folder / "text", paths)
    _refuse_strangers(folder / "text", texts, speakers, "an utterance of wav.scp")
    _refuse_strangers(folder / "utt2spk", speakers, texts, "an utterance of wav.scp")
    if silent := [name for name in paths if not speakers[name]]:
        raise DataError(folder / "utt2spk", f"no speaker for {silent[0]}", "UTTERANCE SPEAKER")
    if lost := len(texts) - len(paths):
        logger.warning("%s: %d utterances of text and utt2spk are not in wav.scp", folder, lost)
    known = set(speakers.values())
    genders, ages = (_of_speakers(folder / name, known) for name in ("spk2gender", "spk2age"))
    return [
        Utterance(
            id=name,
            path=str(path),
            speaker=speakers[name],
            text=_BREAKS.sub(" ", texts[name]).strip(),
            gender=_gender(folder / "spk2gender", genders.get(speakers[name])),
            age=_age(folder / "spk2age", ages.get(speakers[name])),
        )
        for name, path in paths.items()
    ]


def read_table(path: Path, names: Iterable[str] = ()) -> dict[str, str]:
    """`key value` lines of a Kaldi table; a value may be empty, a key occurs once.

    Raises DataError for an unreadable table, a key that occurs twice, and any of `names` missing.
    """
    table: dict[str, str] = {}
    for number, line in enumerate(read_lines(path, "a UTF-8 text file"), start=1):
        key, *value = _BLANKS.split(line.strip("\t "), maxsplit=1)
        if not key:
            continue
        if key in table:
            raise DataError(f"{path}:{number}", f"{key} a second time", "every key once")
        table[key] = value[0] if value else ""
    if not table:
        raise DataError(path, "an empty table", "lines of KEY VALUE")
    if missing := [name for name in names if name not in table]:
        raise DataError(path, f"no line for {missing[0]} ({len(missing)} missing)", "one for each")
    return table


def _refuse_strangers(
    path: Path, table: Iterable[str], known: Container[str], expected: str
) -> None:
    """Raise DataError for a key that is not `known`, with its line."""
    strange = {key for key in table if key not in known}
    if not strange:
        return
    for number, line in enumerate(read_lines(path, "a UTF-8 text file"), start=1):
        if (key := _BLANKS.split(line.strip("\t "), maxsplit=1)[0]) in strange:
            found = f"{key!r}, which no other table has ({len(strange)} such)"
            raise DataError(f"{path}:{number}", found, expected)


def _of_speakers(path: Path, speakers: Container[str]) -> dict[str, str]:
    """A table of speakers that may be absent."""
    if not path.is_file():
        return {}
    table = read_table(path)
    _refuse_strangers(path, table, speakers, "a speaker of utt2spk")
    return table


def read_wav_scp(path: str | Path) -> dict[str, Path]:
    """Absolute path of each recording in a `wav.scp`, relative ones being looked up beside the
    table and one folder up; where a name has another audio extension on disk, that file is taken.

    Raises DataError for a line that is a command or has no path.
    """
    path = Path(path)
    folders = (path.parent, path.parent.parent)
    found = {}
    for name, value in read_table(path).items():
        if not value or value.endswith("|"):
            raise DataError(path, f"{value or 'no path'!r} for {name}", "the path of a file")
        found[name] = _locate(value, folders)
    return found


def _locate(value: str, folders: tuple[Path, ...]) -> Path:
    candidates = [Path(os.path.abspath(folder / value)) for folder in folders]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    for candidate in candidates:
        for extension in _EXTENSIONS:
            if (other := candidate.with_suffix(extension)).is_file():
                return other
    # The file is missing: the error on reading it names this path.
    return candidates[-1]


def _gender(path: Path, value: str | None) -> str | None:
    if value is not None and value.lower() not in _GENDERS:
        raise DataError(path, repr(value), "m or f")
    return None if value is None else _GENDERS[value.lower()]


def _age(path: Path, value: str | None) -> int | None:
    if value is not None and not value.isdecimal():
        raise DataError(path, repr(value), "an age in whole years")
    return None if value is None else int(value)


def write_tables(folder: Path, utterances: Iterable[Utterance]) -> None:
    """The Kaldi tables of `utterances`, tab-separated and sorted."""
    rows = sorted(utterances, key=lambda u: u.id)
    tables: dict[str, dict[str, object]] = {
        WAV_SCP: {u.id: u.path for u in rows},
        "text": {u.id: u.text for u in rows},
        "utt2spk": {u.id: u.speaker for u in rows},
        "spk2gender": {u.speaker: u.gender for u in rows if u.gender is not None},
        "spk2age": {u.speaker: u.age for u in rows if u.age is not None},
    }
    for name, table in tables.items():
        if table:
            lines = "".join(f"{key}\t{value}\n" for key, value in sorted(table.items()))
            (folder / name).write_text(lines, encoding="utf-8")


def copy_lists(source: Path, target: Path) -> None:
    """Copy the test lists that `source` has."""
    for path in lists_of(source):
        shutil.copyfile(path, target / path.name)


def lists_of(folder: Path) -> list[Path]:
    """The test lists in a folder, sorted."""
    return sorted(path for pattern in LISTS for path in folder.glob(pattern) if path.is_file())
