"""Embeds voices and faces of a prepared folder, clean and corrupted.

    python -m recipes.audiovisual.embed exp/audiovisual --checkpoint campplus-joint

writes `items.npz` into each split of the folder. The voice is the first seconds of the utterance,
the face the aligned crop of the picture. In `validation` and `test` each corruption is of one
strength: white noise at 0 dB, a Gaussian blur, a grey square in a place drawn for each picture. In
`train` they are drawn: noise at -5 to 20 dB, blur or square of any strength up to above the tests'.
"""

import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.random import Generator, default_rng

from joint import load
from joint.errors import DataError
from joint.files import atomic_path
from joint.terminal import errors_in_one_line
from joint.training.progress import shown
from joint.units import SAMPLE_RATE, Seconds
from recipes.audiovisual.people import Item
from recipes.audiovisual.prepare import SPLITS, read_items
from recipes.speechocean762.studies.command import study_parser
from tasks.audiovisual.corruption import add_noise, blur, occlude
from tasks.audiovisual.faces.dlib_models import dlib_encoder
from tasks.audiovisual.faces.face import FaceEncoder
from tasks.audiovisual.faces.reading import read_picture
from tasks.audiovisual.items import Items, Modality
from tasks.audiovisual.quality import face_quality, voice_quality

CLEAN, DRAWN = "clean", "drawn"
NOISE, BLUR, OCCLUSION = "noise 0 dB", "blur", "occlusion"
SIGMA, SHARE = 0.06, 0.4
"""Of the blur, as a share of the face's width, and of the square, of its area."""
EMBEDDINGS = "items.npz"
BATCH = 16
PARTS = ("embeddings", "quality")

Embed = Callable[[Sequence[np.ndarray]], np.ndarray]
Corrupt = Callable[[np.ndarray, Generator], np.ndarray]
Arrays = dict[str, np.ndarray]

VOICES: Mapping[str, Corrupt] = {
    CLEAN: lambda waveform, _: waveform,
    NOISE: lambda waveform, rng: add_noise(waveform, 0.0, rng),
    DRAWN: lambda waveform, rng: add_noise(waveform, rng.uniform(-5.0, 20.0), rng),
}
CROPS: Mapping[str, Corrupt] = {
    CLEAN: lambda crop, _: crop,
    BLUR: lambda crop, _: blur(crop, SIGMA),
    OCCLUSION: lambda crop, rng: occlude(crop, SHARE, rng),
    DRAWN: lambda crop, rng: (
        blur(crop, rng.uniform(0.01, 0.08))
        if rng.random() < 0.5
        else occlude(crop, rng.uniform(0.1, 0.5), rng)
    ),
}


def conditions_of(split: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The conditions of voices and of faces in a split."""
    if split == "train":
        return (CLEAN, DRAWN), (CLEAN, DRAWN)
    return (CLEAN, NOISE), (CLEAN, BLUR, OCCLUSION)


def embed_voices(
    items: Sequence[Item], embed: Embed, names: Sequence[str], seconds: Seconds
) -> Arrays:
    """`voice/CONDITION/embeddings (N, E)` and `…/quality (N, Q)`."""
    found: dict[str, list[np.ndarray]] = {}
    starts = range(0, len(items), BATCH)
    for start in shown(starts, "voices", True, len(starts)):
        batch = items[start : start + BATCH]
        clean = [i.utterance.waveform()[: round(seconds * SAMPLE_RATE)] for i in batch]
        for name in names:
            treated = [
                VOICES[name](waveform, _random(item.name, name))
                for item, waveform in zip(batch, clean, strict=True)
            ]
            key = f"voice/{name}/{{}}".format
            found.setdefault(key(PARTS[0]), []).extend(embed(treated))
            found.setdefault(key(PARTS[1]), []).extend(voice_quality(w) for w in treated)
    return {key: np.stack(rows).astype(np.float32) for key, rows in found.items()}


def embed_faces(items: Sequence[Item], encoder: FaceEncoder, names: Sequence[str]) -> Arrays:
    """`face/CONDITION/embeddings (N, V)` and `…/quality (N, Q)`; each picture is embedded once."""
    pictures = list(dict.fromkeys(item.picture for item in items))
    row = [pictures.index(item.picture) for item in items]
    crops = [
        encoder.crop(read_picture(path), path)
        for path in shown(pictures, "faces", True, len(pictures))
    ]
    found = {}
    for name in names:
        treated = [
            CROPS[name](crop, _random(str(path), name))
            for path, crop in zip(pictures, crops, strict=True)
        ]
        measured = [face_quality(crop, encoder.detector) for crop in treated]
        quality = np.stack(measured).astype(np.float32)
        for part, rows in zip(PARTS, (encoder.embedder.embed(treated), quality), strict=True):
            found[f"face/{name}/{part}"] = rows[row]
    return found


def write_split(
    folder: Path, split: str, embed: Embed, encoder: FaceEncoder, seconds: Seconds
) -> None:
    """Write `items.npz` of one split."""
    items = read_items(folder / split)
    voices, crops = conditions_of(split)
    arrays = embed_voices(items, embed, voices, seconds) | embed_faces(items, encoder, crops)
    arrays |= {
        "names": np.array([item.name for item in items]),
        "person": np.array([item.person for item in items]),
    }
    with atomic_path(folder / split / EMBEDDINGS) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def read_split(folder: Path) -> Arrays:
    """What `write_split` wrote. Raises DataError for anything else."""
    path = folder / EMBEDDINGS
    expected = "what recipes.audiovisual.embed wrote"
    try:
        with np.load(path, allow_pickle=False) as archive:
            found = {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise DataError(path, "no file", expected) from None
    except (OSError, ValueError, zipfile.BadZipFile):
        raise DataError(path, "no such archive", expected) from None
    if missing := {"names", "person", f"voice/{CLEAN}/embeddings"} - found.keys():
        raise DataError(path, f"no {sorted(missing)[0]}", expected)
    return found


def items_of(arrays: Arrays, voice: str = CLEAN, face: str = CLEAN) -> Items:
    """All items of a split under one condition of voices and one of faces."""

    def modality(name: str) -> Modality:
        return Modality.complete(*(arrays[f"{name}/{part}"] for part in PARTS))

    return Items(modality(f"voice/{voice}"), modality(f"face/{face}"), arrays["person"])


def _random(name: str, condition: str) -> Generator:
    """The same for the same item in any order of work."""
    return default_rng(crc32(f"{name} {condition}".encode()))


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = study_parser(__doc__)
    parser.add_argument("folder", type=Path, help="what recipes.audiovisual.prepare wrote")
    parser.add_argument("--checkpoint", default="campplus-joint", help="of the voice encoder")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each utterance")
    given = parser.parse_args(arguments)
    if not given.seconds >= 1.0:
        raise DataError("--seconds", f"{given.seconds:g}", "1 or more")
    encoder, embed = dlib_encoder(), load(given.checkpoint).embed
    for split in SPLITS:
        write_split(given.folder, split, embed, encoder, given.seconds)


if __name__ == "__main__":
    with errors_in_one_line():
        main()
