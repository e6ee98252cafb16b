"""Measured speakers in a file: embeddings, labels, pitch and rate, once for all that is fitted to
them."""

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from joint.encoders.identity import EncoderIdentity
from joint.errors import DataError
from joint.files import atomic_path
from tasks.generation.speakers import Speaker

FORMAT = "joint-speaker measured speakers/1"
EXPECTED = "speakers that `python -m recipes.generation.measure` wrote"
HEADER, EMBEDDINGS = "header", "embeddings"


def write_speakers(path: Path, speakers: Sequence[Speaker], encoder: EncoderIdentity) -> None:
    """Write a NumPy archive of measured speakers, atomically."""
    rows = [
        {
            "name": speaker.name,
            "recordings": len(speaker.embeddings),
            "sessions": speaker.sessions,
            "labels": dict(speaker.labels),
            "log_hertz": speaker.log_hertz,
            "rate": speaker.rate,
        }
        for speaker in speakers
    ]
    identity = {"name": encoder.name, "fingerprint": encoder.fingerprint}
    header = json.dumps({"format": FORMAT, "encoder": identity, "speakers": rows})
    embeddings = np.concatenate([speaker.embeddings for speaker in speakers]).astype(np.float32)
    arrays: dict[str, Any] = {HEADER: np.array(header), EMBEDDINGS: embeddings}
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def read_speakers(path: Path, encoder: EncoderIdentity) -> list[Speaker]:
    """The speakers that `write_speakers` wrote, measured with this encoder. Raises DataError for
    anything else, and for embeddings of another encoder."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            header = json.loads(str(archive[HEADER]))
            embeddings = archive[EMBEDDINGS]
        if header["format"] != FORMAT:
            raise DataError(path, f"format {header['format']!r}", EXPECTED)
        known = EncoderIdentity(**header["encoder"])
        ends = np.cumsum([row["recordings"] for row in header["speakers"]])
        if embeddings.ndim != 2 or int(ends[-1]) != len(embeddings):
            raise DataError(path, f"embeddings of shape {embeddings.shape}", EXPECTED)
        parts = np.split(embeddings, ends[:-1])
        found = [
            Speaker(
                row["name"],
                part,
                tuple(row["sessions"]),
                row["labels"],
                float(row["log_hertz"]),
                float(row["rate"]),
            )
            for row, part in zip(header["speakers"], parts, strict=True)
        ]
    except FileNotFoundError:
        raise DataError(path, "no file", EXPECTED) from None
    except (OSError, ValueError, KeyError, TypeError, IndexError, zipfile.BadZipFile):
        raise DataError(path, "a file of another kind", EXPECTED) from None
    if known.fingerprint != encoder.fingerprint:
        raise DataError(path, f"speakers measured with {known}", f"with {encoder}")
    return found
