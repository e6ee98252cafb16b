"""Trees of `SPEAKER/VIDEO/UTTERANCE.wav`, as VoxCeleb and VoxBlink ship them, at any depth."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import track

from joint.errors import DataError

SPEAKER = re.compile(r"id\d{5,6}")
DEPTH = 4
"""Levels below the corpus's folder at which speakers may lie, such as `voxceleb2/dev/aac/`."""

DECODABLE = (".wav", ".flac", ".ogg", ".opus")
"""What libsndfile reads, the first that is there being taken."""
M4A = ".m4a"


@dataclass(frozen=True, slots=True)
class Clip:
    """One utterance: `SPEAKER-VIDEO-NAME`, as lists of trials call it once `/` is `-`."""

    speaker: str
    id: str
    path: Path


def find_speakers(root: Path) -> dict[str, list[Path]]:
    """Folders of every speaker below `root`, sorted; one speaker may have a WAV and an m4a tree.

    Raises DataError where `root` cannot be read or has none.
    """
    found: dict[str, list[Path]] = {}
    for folder in _folders(root, DEPTH):
        found.setdefault(folder.name, []).append(folder)
    if not found:
        raise DataError(root, "no folder of a speaker", "SPEAKER/VIDEO/UTTERANCE.wav, id00012/…")
    return {speaker: sorted(found[speaker]) for speaker in sorted(found)}


def find_clips(root: Path, speakers: dict[str, list[Path]]) -> Iterator[Clip]:
    """Utterances of `speakers`, a speaker at a time, each once, in a format that can be decoded.

    An utterance that is only there as m4a is given with that path, and will be skipped by name;
    raises DataError where all are.
    """
    console = Console(stderr=True)
    decodable, m4a = False, None
    for speaker, folders in track(
        speakers.items(), f"listing {root.name}", console=console, disable=not console.is_terminal
    ):
        best: dict[str, Path] = {}
        for folder in folders:
            for path in _files(folder):
                name = f"{speaker}-{path.parent.name}-{path.stem}"
                if name not in best or _rank(path) < _rank(best[name]):
                    best[name] = path
        for name, path in sorted(best.items()):
            decodable |= path.suffix != M4A
            m4a = m4a or (path if path.suffix == M4A else None)
            yield Clip(speaker, name, path)
    if m4a is not None and not decodable:
        raise DataError(m4a, "m4a, which libsndfile cannot decode", convert_command(root))


def convert_command(root: Path) -> str:
    """The command that puts a WAV file beside every m4a."""
    convert = "ffmpeg -nostdin -v error -i {}.m4a -ac 1 -ar 16000 {}.wav"
    return (
        f"WAV files beside them: find {root} -name '*.m4a' | sed 's/.m4a$//' | "
        f"xargs -P 8 -I {{}} {convert}"
    )


def find_file(root: Path, name: str) -> Path | None:
    """A file of this name in `root` or up to two folders below, the nearest one."""
    for pattern in (name, f"*/{name}", f"*/*/{name}"):
        if found := sorted(root.glob(pattern)):
            return found[0]
    return None


def _rank(path: Path) -> int:
    return DECODABLE.index(path.suffix) if path.suffix in DECODABLE else len(DECODABLE)


def _folders(root: Path, depth: int) -> Iterator[Path]:
    """Folders named like speakers, not looked into."""
    try:
        with os.scandir(root) as entries:
            below = sorted(entry.name for entry in entries if entry.is_dir())
    except OSError as error:
        raise DataError(root, error.strerror or str(error), "a folder") from error
    for name in below:
        if SPEAKER.fullmatch(name):
            yield root / name
        elif depth > 1:
            yield from _folders(root / name, depth - 1)


def _files(speaker: Path) -> Iterator[Path]:
    """Audio files of a speaker's videos."""
    try:
        for video in sorted(entry.name for entry in os.scandir(speaker) if entry.is_dir()):
            for entry in os.scandir(speaker / video):
                path = speaker / video / entry.name
                if path.suffix in (*DECODABLE, M4A):
                    yield path
    except OSError as error:
        raise DataError(error.filename, error.strerror or str(error), "a folder") from error
