"""Kaldi folders (`wav.scp text utt2spk`, `spk2gender` and `spk2age` where present) in and out."""

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from joint.data.choices import Check
from joint.data.prepare.manifests import (
    KaldiUtterance,
    PrepareReport,
    write_skipped,
    write_split,
    written_whole,
)
from joint.errors import DataError

LISTS = (
    "trials",
    "mix2_extraction.csv",
    "mix1_recognition.csv",
    "mix2_recognition.csv",
    "mix3_recognition.csv",
)
"""Test lists that travel with a folder."""

_EXTENSIONS = (".WAV", ".wav", ".ogg", ".flac")
_GENDERS = {"m": "m", "male": "m", "f": "f", "female": "f"}


@dataclass(frozen=True)
class KaldiFolder:
    """The utterances of one Kaldi folder, in the order of `wav.scp`."""

    folder: Path
    utterances: dict[str, KaldiUtterance]

    @classmethod
    def load(cls, folder: str | Path) -> "KaldiFolder":
        """Read the tables; the audio is not opened. Raises DataError where they do not agree."""
        folder = Path(folder)
        names = ("wav.scp", "text", "utt2spk")
        if missing := [name for name in names if not (folder / name).is_file()]:
            raise DataError(folder, f"no {', '.join(missing)}", f"the tables {', '.join(names)}")
        if (folder / "segments").is_file():
            raise DataError(folder / "segments", "a segments table", "one file an utterance")
        paths = read_wav_scp(folder / "wav.scp")
        speakers = read_table(folder / "utt2spk", paths)
        texts = read_table(folder / "text", paths)
        genders = _optional(folder / "spk2gender")
        ages = _optional(folder / "spk2age")
        utterances = {
            name: KaldiUtterance(
                id=name,
                path=path,
                speaker=speakers[name],
                text=texts[name],
                gender=_gender(folder / "spk2gender", genders.get(speakers[name])),
                age=_age(folder / "spk2age", ages.get(speakers[name])),
            )
            for name, path in paths.items()
        }
        if silent := [name for name in utterances if not speakers[name]]:
            raise DataError(folder / "utt2spk", f"no speaker for {silent[0]}", "UTTERANCE SPEAKER")
        return cls(folder, utterances)


def prepare_kaldi(
    folder: str | Path, output: str | Path, check: Check = Check.FULL, jobs: int = 1
) -> PrepareReport:
    """Check a Kaldi folder and write manifests, tables and `skipped.tsv` into `output`.

    Raises DataError where the tables do not agree or no recording is usable.
    """
    corpus = KaldiFolder.load(folder)
    report = PrepareReport(Path(output))
    with written_whole(output) as partial:
        utterances, name = corpus.utterances.values(), Path(folder).name
        kept = write_split(partial, utterances, report, name, check=check, jobs=jobs)
        write_tables(partial, kept)
        copy_lists(corpus.folder, partial)
        write_skipped(partial, report)
    return report


def read_table(path: Path, names: Iterable[str] = ()) -> dict[str, str]:
    """`key value` lines of a Kaldi table; a value may be empty, a key may stand once.

    Raises DataError for an unreadable table, a key that stands twice, and any of `names` missing.
    """
    table: dict[str, str] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(path, f"an unreadable table ({error})", "a UTF-8 text file") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        key, *value = line.split(maxsplit=1)
        if key in table:
            raise DataError(f"{path}:{number}", f"{key} a second time", "every key once")
        table[key] = value[0].strip() if value else ""
    if not table:
        raise DataError(path, "an empty table", "lines of KEY VALUE")
    if missing := [name for name in names if name not in table]:
        raise DataError(path, f"no line for {missing[0]} ({len(missing)} missing)", "one for each")
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
    # Reading it will say that it is missing, with this path.
    return candidates[-1]


def _optional(path: Path) -> dict[str, str]:
    return read_table(path) if path.is_file() else {}


def _gender(path: Path, value: str | None) -> str | None:
    if value is not None and value.lower() not in _GENDERS:
        raise DataError(path, repr(value), "m or f")
    return None if value is None else _GENDERS[value.lower()]


def _age(path: Path, value: str | None) -> int | None:
    if value is not None and not value.isdecimal():
        raise DataError(path, repr(value), "an age in whole years")
    return None if value is None else int(value)


def write_tables(folder: Path, utterances: Iterable[KaldiUtterance]) -> None:
    """The Kaldi tables of `utterances`, with absolute paths, tab-separated and sorted."""
    rows = sorted(utterances, key=lambda u: u.id)
    tables: dict[str, dict[str, object]] = {
        "wav.scp": {u.id: u.path for u in rows},
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
    for name in LISTS:
        if (source / name).is_file():
            shutil.copyfile(source / name, target / name)
