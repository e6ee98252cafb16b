"""Folders of recorded noises and room responses: which files they hold, and what each is.

Known layouts: MUSAN (Snyder et al., 2015; `music/ noise/ speech/`), RIRS_NOISES (Ko et al., 2017;
`simulated_rirs/ real_rirs_isotropic_noises/ pointsource_noises/`). In any other folder every audio
file is a noise, or a response, as the folder is used for.
"""

import os
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path, PurePosixPath

import numpy as np

from joint.audio import AudioInfo, AudioWarning, read_audio
from joint.data.choices import Check, Kind
from joint.data.corpus import SHARD_CACHE, Corpus, Utterance
from joint.data.opening import open_corpus
from joint.data.prepare.checking import checked
from joint.data.storage.remote import as_url
from joint.data.storage.shar import SHARDS
from joint.errors import AudioError, DataError, first_of
from joint.files import read_lines
from joint.units import SAMPLE_RATE, Samples, Seconds

NOISE, MUSIC, SPEECH = "noise", "music", "speech"
NOISES = (NOISE, MUSIC, SPEECH)
"""Kinds of noise: the speakers of a corpus of noises."""
ROOM = "room:"
"""With it begins the name of each room: the speakers of a corpus of responses."""

SIMULATED, MIXED, POINTS = "simulated_rirs", "real_rirs_isotropic_noises", "pointsource_noises"
"""Folders of RIRS_NOISES: responses, both, noises."""
RIR_LIST = "rir_list"

SUFFIXES = (
    ".wav",
    ".flac",
    ".ogg",
    ".oga",
    ".opus",
    ".mp3",
    ".aif",
    ".aiff",
    ".au",
    ".caf",
    ".sph",
)
SHORTEST: Seconds = 0.002
LONGEST_RESPONSE: Seconds = 20.0
"""What is longer is no response of a room, but a recording in it."""


@dataclass(frozen=True, slots=True)
class NoiseFile(Utterance):
    """A noise; `speaker` is its kind."""

    def waveform(self) -> np.ndarray:
        """See Utterance. It may be short and clipped."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AudioWarning)
            if self.stored is not None:
                return self.stored.waveform(self.id, SHORTEST)
            return read_audio(self.path, minimum=SHORTEST)


@dataclass(frozen=True, slots=True)
class ResponseFile(Utterance):
    """A response of a room; `speaker` is the room."""

    def waveform(self) -> np.ndarray:
        """Its first channel, scaled to a peak of 1: the sum of several microphones is the response
        of none."""
        if self.stored is not None:
            response = self.stored.waveform(self.id, SHORTEST)
        else:
            response = read_audio(self.path, minimum=SHORTEST, channel=0)
        if (seconds := len(response) / SAMPLE_RATE) > LONGEST_RESPONSE:
            expected = f"the response of a room, at most {LONGEST_RESPONSE:g} s"
            raise AudioError(self.path, f"{seconds:.1f} s", expected)
        scaled: np.ndarray = response / np.abs(response).max()
        return scaled


def open_recorded(where: str | Path, kind: Kind, shards: str | Path = SHARD_CACHE) -> Corpus:
    """The noises, or the room responses, of a folder of audio, or of shards that `joint shard` made
    of one. Files whose headers cannot be read have no samples.

    The speakers of noises are NOISES, those of responses their rooms. Raises DataError for what has
    none.
    """
    made: type[Utterance] = NoiseFile if kind is Kind.NOISE else ResponseFile
    if as_url(where) or (Path(where) / SHARDS).is_file():
        corpus = open_corpus(where, shards)
        known = [s in NOISES if kind is Kind.NOISE else s.startswith(ROOM) for s in corpus.speakers]
        if not all(known):
            found = f"a corpus of the speakers {first_of(corpus.speakers, 3)}"
            raise DataError(where, found, f"what 'joint shard --kind {kind}' writes")
        return Corpus([of_type(made, utterance) for utterance in corpus.utterances], where)
    folder = Path(where)
    paths = [PurePosixPath(name) for name in audio_files(folder)]
    paths = [path for path in paths if is_response(folder, path) in (None, kind is Kind.ROOMS)]
    if not paths:
        raise DataError(folder, f"no audio file of {NAMES[kind]}", "WAV, FLAC, Ogg, MP3 …")
    rooms = {} if kind is Kind.NOISE else listed_rooms(folder)
    jobs = min(16, 2 * (os.cpu_count() or 1))
    checks = checked((folder / path for path in paths), Check.HEADER, jobs, SHORTEST)
    return Corpus(
        [
            made(
                # of its own for each kind, so that a folder may be both and is packed twice
                id=f"{kind}/{path}".encode(errors="backslashreplace").decode(),
                path=os.path.abspath(folder / path),
                speaker=noise_kind(folder, path) if kind is Kind.NOISE else room_of(path, rooms),
                samples=length(info, kind),
            )
            for path, info in zip(paths, checks, strict=True)
        ],
        folder,
    )


def length(info: AudioInfo | AudioError, kind: Kind) -> Samples:
    """At 16 kHz; 0 for what cannot be used."""
    if isinstance(info, AudioError):
        return 0
    seconds = info.samples / info.sample_rate
    too_long = kind is Kind.ROOMS and seconds > LONGEST_RESPONSE
    return 0 if too_long else int(seconds * SAMPLE_RATE)


NAMES = {Kind.NOISE: "noise", Kind.ROOMS: "a room's response"}


def of_type(made: type[Utterance], utterance: Utterance) -> Utterance:
    """An utterance as a noise or response."""
    return made(**{field.name: getattr(utterance, field.name) for field in fields(Utterance)})


def audio_files(folder: Path) -> list[str]:
    """Paths of all audio files below `folder`, relative to it, in order. Raises DataError."""
    if not folder.is_dir():
        found = "a file" if folder.exists() else "no folder"
        raise DataError(folder, found, "a folder of audio, or what 'joint shard' writes")
    names = []
    for root, folders, files in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        within = Path(root).relative_to(folder)
        names += [
            (within / name).as_posix()
            for name in files
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in SUFFIXES
        ]
    return sorted(names)


def is_response(folder: Path, path: PurePosixPath) -> bool | None:
    """Whether a file of RIRS_NOISES is a response; None elsewhere, where any file may be one."""
    parents = components(folder, path)
    if SIMULATED in parents:
        return True
    if MIXED in parents:
        return NOISE not in path.name.lower()
    return False if POINTS in parents else None


def noise_kind(folder: Path, path: PurePosixPath) -> str:
    """Music or speech for what lies in a folder of this name, noise otherwise."""
    return next((name for name in components(folder, path) if name in NOISES), NOISE)


def components(folder: Path, path: PurePosixPath) -> Sequence[str]:
    """Names of the folders that a file lies in, those below `folder` first, then its own name."""
    return [part.lower() for part in (*path.parent.parts, folder.absolute().name)]


def room_of(path: PurePosixPath, listed: dict[str, str]) -> str:
    """The room of a response: the one in a list of RIRS_NOISES, otherwise the folder it lies in."""
    return ROOM + listed.get(path.name, path.parent.as_posix())


def listed_rooms(folder: Path) -> dict[str, str]:
    """Rooms of the real responses of RIRS_NOISES, which lie in one folder, by file names: from
    lines `--rir-id ID --room-id ROOM PATH`."""
    rooms: dict[str, str] = {}
    for path in (folder / RIR_LIST, *folder.glob(f"**/{MIXED}/{RIR_LIST}")):
        if path.is_file() and path.parent.name == MIXED:
            rooms |= dict(_rooms(read_lines(path, "a line for each response")))
    return rooms


def _rooms(lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    for line in lines:
        words = line.split()
        if "--room-id" in words[:-2]:
            room = words[words.index("--room-id") + 1]
            yield PurePosixPath(words[-1]).name, f"{MIXED}/{room}"
