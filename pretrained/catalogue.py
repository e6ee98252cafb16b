"""The catalogue of checkpoints that come with the package."""

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from joint.errors import CheckpointError
from pretrained.hub import REPOSITORIES

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Entry:
    """One shipped checkpoint; its model card lies beside it."""

    folder: str
    licence: str
    summary: str

    @property
    def path(self) -> Path:
        """The checkpoint's file."""
        return HERE / self.folder / "model.safetensors"


CATALOGUE = {
    "speechocean762-joint": Entry(
        folder="speechocean762_joint",
        licence="Apache-2.0 (weights); trained on speechocean762, CC BY 4.0",
        summary="ECAPA-256 and the small extractor, trained on 113 speakers of speechocean762",
    ),
}


def checkpoint_path(name: str | Path) -> Path:
    """The file that a path or a shipped checkpoint's name stands for.

    Raises CheckpointError for a name that is neither.
    """
    path = Path(name)
    if path.is_dir() and (path / "model.safetensors").is_file():
        return path / "model.safetensors"
    if path.exists() or str(name) not in CATALOGUE:
        if path.is_file():
            return path
        known = ", ".join([*CATALOGUE, *get_close_matches(str(name), REPOSITORIES, 1)])
        raise CheckpointError(path, "no checkpoint", f"a file, a training's folder, or {known}")
    entry = CATALOGUE[str(name)]
    if not entry.path.is_file():
        raise CheckpointError(entry.path, "no file", "the checkpoint that the package ships")
    return entry.path
