"""The catalogue of checkpoints that come with the package."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from joint.errors import CheckpointError
from pretrained.hub import REPOSITORIES

HERE = Path(__file__).parent
CHECKPOINT = "model.safetensors"


@dataclass(frozen=True)
class Entry:
    """One shipped checkpoint; its model card lies beside it.

    `encoder` is the fingerprint of its encoder, `diarization_threshold` the least mean cosine of
    one speaker's windows and `presence` the decision whether the enrolled speaker is in a mixture,
    both chosen on held-out speakers.
    """

    folder: str
    licence: str
    summary: str
    encoder: str
    diarization_threshold: float | None = None
    presence: Mapping[str, Any] | None = None

    @property
    def path(self) -> Path:
        """The checkpoint's file."""
        return HERE / self.folder / CHECKPOINT


CATALOGUE = {
    "speechocean762-joint": Entry(
        folder="speechocean762_joint",
        licence="Apache-2.0 (weights); trained on speechocean762, CC BY 4.0",
        summary="ECAPA-256 and the small extractor, trained on 113 speakers of speechocean762",
        encoder="738f51c624023055ae3083a893bda748209a104e2681f276cb29991dbe55ec87",
        diarization_threshold=0.25,
        presence={"offset": -6.451, "gains": [12.54, 4.665, 0.03428], "threshold": -1.734},
    ),
}


def diarization_threshold(encoder: str) -> float | None:
    """The diarization threshold of the encoder with this fingerprint; None for another encoder.

    It stands here because files in the package's history cannot change; other checkpoints may have
    `diarization_threshold` in their metadata.
    """
    entries = (entry for entry in CATALOGUE.values() if entry.encoder == encoder)
    return next((entry.diarization_threshold for entry in entries), None)


def presence_of(encoder: str) -> Mapping[str, Any] | None:
    """The decision on presence of the shipped checkpoint whose encoder has this fingerprint."""
    entries = (entry for entry in CATALOGUE.values() if entry.encoder == encoder)
    return next((entry.presence for entry in entries), None)


def checkpoint_path(name: str | Path) -> Path:
    """The file that a path or a shipped checkpoint's name stands for.

    Raises CheckpointError for a name that is neither.
    """
    path = Path(name)
    if path.is_dir() and (path / CHECKPOINT).is_file():
        return path / CHECKPOINT
    if path.exists() or str(name) not in CATALOGUE:
        if path.is_file():
            return path
        if path.is_dir():
            expected = f"{CHECKPOINT} in it (`joint import` reads other toolkits' folders)"
            raise CheckpointError(path, "a folder without a checkpoint", expected)
        known = ", ".join([*CATALOGUE, *get_close_matches(str(name), REPOSITORIES, 1)])
        raise CheckpointError(path, "no checkpoint", f"a file, a training's folder, or {known}")
    entry = CATALOGUE[str(name)]
    if not entry.path.is_file():
        raise CheckpointError(entry.path, "no file", "the checkpoint that the package ships")
    return entry.path
