"""The catalogue of checkpoints that come with the package."""

import warnings
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from joint.errors import CheckpointError
from pretrained.hub import REPOSITORIES

HERE = Path(__file__).parent
CHECKPOINT = "model.safetensors"


@dataclass(frozen=True)
class Entry:
    """One shipped checkpoint; its model card lies beside it."""

    folder: str
    licence: str
    summary: str
    file: str = CHECKPOINT

    @property
    def path(self) -> Path:
        """The checkpoint's file."""
        return HERE / self.folder / self.file


CATALOGUE = {
    "speechocean762-librispeech-joint": Entry(
        folder="speechocean762_librispeech_joint",
        licence="Apache-2.0 (weights); trained on speechocean762 and LibriSpeech, CC BY 4.0",
        summary="ECAPA-256 with heads for verification, extraction, synthesis, conversion, "
        "segmentation and voice activity, and a vocoder, trained on 113 speakers of speechocean762 "
        "and 24 of LibriSpeech",
    ),
    "speechocean762-librispeech-joint-base": Entry(
        folder="speechocean762_librispeech_joint",
        licence="Apache-2.0 (weights); trained on speechocean762 and LibriSpeech, CC BY 4.0",
        summary="the same encoder and voices, the extractor before it had a TF-Map and attention",
        file="base.safetensors",
    ),
    "campplus-joint": Entry(
        folder="campplus_joint",
        licence="Apache-2.0 (weights); the extractor trained on speechocean762 and LibriSpeech, "
        "CC BY 4.0, and Common Voice, CC0",
        summary="CAM++ of 3D-Speaker, trained on 200,000 speakers, with a head for extraction",
    ),
}
ALIASES = {"speechocean762-joint": "speechocean762-librispeech-joint"}
"""Names of former checkpoints, and what is shipped in their place."""


class ReplacedWarning(UserWarning):
    """A former checkpoint was asked for: another one is used."""


def shipped(name: str) -> Entry | None:
    """The shipped checkpoint of that name, or the one in place of a former checkpoint of that name,
    with a ReplacedWarning; None where there is neither."""
    if replacement := ALIASES.get(name):
        warnings.warn(
            f"{name} has been replaced by {replacement}, which is used: its embeddings and scores "
            "differ, and speaker databases have to be enrolled anew",
            ReplacedWarning,
            stacklevel=3,
        )
        name = replacement
    return CATALOGUE.get(name)


def checkpoint_path(name: str | Path) -> Path:
    """The file that a path or a shipped checkpoint's name stands for.

    Raises CheckpointError for a name that is neither.
    """
    path = Path(name)
    if path.is_dir() and (path / CHECKPOINT).is_file():
        return path / CHECKPOINT
    if path.exists() or str(name) not in {*CATALOGUE, *ALIASES}:
        if path.is_file():
            return path
        if path.is_dir():
            expected = f"{CHECKPOINT} in it (`joint import` reads other toolkits' folders)"
            raise CheckpointError(path, "a folder without a checkpoint", expected)
        known = ", ".join([*CATALOGUE, *get_close_matches(str(name), REPOSITORIES, 1)])
        raise CheckpointError(path, "no checkpoint", f"a file, a training's folder, or {known}")
    entry = shipped(str(name))
    assert entry is not None
    if not entry.path.is_file():
        raise CheckpointError(entry.path, "no file", "the checkpoint that the package ships")
    return entry.path
