"""A release of Common Voice: its languages, and the clips that each one's table lists."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from joint.data.corpus import Utterance
from joint.errors import DataError, first_of
from joint.files import file_name, read_lines

TABLE, CLIPS = "validated.tsv", "clips"
COLUMNS = ("client_id", "path", "sentence")
"""Those that are needed; `gender` and `locale` are read where present."""

GENDERS = {"male": "m", "male_masculine": "m", "female": "f", "female_feminine": "f"}
"""Of releases up to 16 and from 17 on; what people say besides is no label."""

LAYOUT = f"LANGUAGE/{TABLE} and LANGUAGE/{CLIPS}, or one language's folder"


class Language(NamedTuple):
    """The folder of a language, and its name."""

    name: str
    folder: Path


def find_languages(release: Path, wished: Sequence[str] = ()) -> tuple[list[Language], list[str]]:
    """The `wished` languages of a release, or all, sorted; the names of folders without a table.

    `release` may be the folder of one language. Raises DataError where there is no table, where a
    wished language is not there, and for a language without a folder of clips.
    """
    if (release / TABLE).is_file() or (release / CLIPS).is_dir():
        if not (release / TABLE).is_file():
            raise DataError(release, f"{CLIPS} without {TABLE}", f"{TABLE} beside {CLIPS}")
        there, without = [Language(_language_of(release), release)], []
    else:
        try:
            folders = sorted(path for path in release.iterdir() if path.is_dir())
        except OSError as error:
            raise DataError(release, (error.strerror or str(error)).lower(), LAYOUT) from error
        there = [Language(path.name, path) for path in folders if (path / TABLE).is_file()]
        without = [path.name for path in folders if path not in {own.folder for own in there}]
    if not there:
        raise DataError(release, f"no {TABLE}", LAYOUT)
    names = [language.name for language in there]
    if missing := [name for name in wished if name not in names]:
        raise DataError(release, f"no language {missing[0]!r}", f"some of {first_of(names, 20)}")
    chosen = [language for language in there if not wished or language.name in wished]
    for language in chosen:
        if not (language.folder / CLIPS).is_dir():
            raise DataError(language.folder, f"no folder {CLIPS}", f"{CLIPS} beside {TABLE}")
    return chosen, [] if wished else without


def read_clips(language: Language) -> Iterator[Utterance]:
    """The clips of a language's table, with the paths of its MP3 files.

    A speaker is `cv-` and the first 12 hexadecimal digits of the SHA-1 of `client_id`; an utterance
    is `SPEAKER-CLIP`. Raises DataError for a table without one of the columns and for a row without
    a speaker or a clip, or whose clip is not the name of a file or was listed before.
    """
    table, known = language.folder / TABLE, set()
    for where, row in _rows(table):
        client, path = row["client_id"], row["path"]
        clip = Path(path).stem
        if not client or not clip or Path(path).name != path or len(clip.split()) != 1:
            found = f"client_id {client[:12]!r}, path {path!r}"
            raise DataError(where, found, "a speaker, and the name of a file without blanks")
        if clip in known:
            raise DataError(where, f"{path} a second time", "every clip once")
        known.add(clip)
        speaker = f"cv-{hashlib.sha1(client.encode(), usedforsecurity=False).hexdigest()[:12]}"
        yield Utterance(
            f"{speaker}-{clip}",
            str(language.folder / CLIPS / path),
            speaker,
            " ".join(row["sentence"].split()),
            GENDERS.get(row.get("gender", "")),
        )


def _rows(table: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """`(where, row)` of each line: fields between tabs, in which a quotation mark is one."""
    lines = read_lines(table, f"the table of a release ({', '.join(COLUMNS)} …)")
    header = next(lines, "").split("\t")
    if missing := [name for name in COLUMNS if name not in header]:
        found = f"no column {missing[0]} ({first_of(header) or 'an empty file'})"
        raise DataError(table, found, f"columns {', '.join(COLUMNS)} between tabs")
    for number, line in enumerate(lines, start=2):
        if not line:
            continue
        fields = line.split("\t")
        if len(fields) != len(header):
            found, expected = f"{len(fields)} fields", f"{len(header)}, one for each column"
            raise DataError(f"{table}:{number}", found, expected)
        yield f"{table}:{number}", dict(zip(header, fields, strict=True))


def _language_of(folder: Path) -> str:
    """What the first row says, or else the folder's name."""
    row = next((row for _, row in _rows(folder / TABLE)), {})
    return file_name(row.get("locale", "")) or folder.resolve().name
