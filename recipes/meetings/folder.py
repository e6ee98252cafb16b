"""Meetings of a folder: `URI.wav` beside RTTM and UEM files, one for each recording or for all."""

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from joint.conversation.turns import read_turns
from joint.errors import DataError, first_of
from recipes.meetings.references import References, read_list, unknown
from tasks.diarization.meetings import Meeting
from tasks.diarization.uem import read_uem

ENDINGS = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".sph", ".aiff", ".au", ".w64")

Content = TypeVar("Content")


def read_folder(folder: Path, lists: Sequence[Path] = ()) -> list[Meeting]:
    """Read the meetings of `folder` and the folders below it, in the order of `lists`, or of their
    names.

    A recording is named by its file without the ending. Without `lists`, those with turns or
    regions are read; an RTTM file without a turn says that nobody speaks in the recording of its
    name. Raises DataError for a recording that has no audio or two audio files, that is in two RTTM
    or UEM files, or in none; and where there is no turn at all.
    """
    audio = _audio(folder)
    rttms, uems = (sorted(folder.rglob(f"*{ending}")) for ending in (".rttm", ".uem"))
    if not rttms:
        raise DataError(folder, "no RTTM file", "the turns of each recording, or of all in one")
    turns = _united(rttms, lambda path: read_turns(path) or {_composed(path.stem): []})
    if not any(turns.values()):
        raise DataError(folder, "RTTM files without a turn", "turns")
    references = References(turns, _united(uems, read_uem) if uems else None)
    names = [name for path in lists for name in read_list(path)]
    where = lists[0] if lists else folder
    return [
        references.meeting(name, _one(folder, name, audio), where)
        for name in names or sorted({*turns, *(references.scored or ())})
    ]


def _united(
    paths: Iterable[Path], read: Callable[[Path], Mapping[str, Content]]
) -> dict[str, Content]:
    """What `read` gives of all files. Raises DataError for a recording in two of them."""
    found: dict[str, Content] = {}
    origin: dict[str, Path] = {}
    for path in paths:
        for name, content in read(path).items():
            if name in found:
                raise DataError(path, f"{name}, which is in {origin[name]} too", "one file for it")
            found[name], origin[name] = content, path
    return found


def _audio(folder: Path) -> dict[str, list[Path]]:
    """The audio files of each name, in Unicode's composed form: some file systems decompose it."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in ENDINGS:
            found.setdefault(_composed(path.stem), []).append(path)
    return found


def _one(folder: Path, name: str, audio: Mapping[str, Sequence[Path]]) -> Path:
    paths = audio.get(_composed(name), ())
    if not paths:
        raise unknown(folder, f"no audio of {name}", list(audio), f"{name}.wav")
    if len(paths) > 1:
        listed = first_of([str(path.relative_to(folder)) for path in paths], 2)
        raise DataError(folder, f"{len(paths)} audio files of {name} ({listed})", "one")
    return paths[0]


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)
