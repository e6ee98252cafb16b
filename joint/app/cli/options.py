"""Options that several verbs share."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from joint.errors import ConfigError

if TYPE_CHECKING:
    from joint.app.api import SpeakerModel

Checkpoint: TypeAlias = Annotated[
    str,
    typer.Option(
        "--checkpoint",
        metavar="C",
        help="A checkpoint folder or file, or the name of a shipped one: speechocean762-joint.",
    ),
]
Book: TypeAlias = Annotated[
    Path,
    typer.Option("--book", metavar="B", help="A voice book: a folder that `joint enroll` writes."),
]
Data: TypeAlias = Annotated[
    Path,
    typer.Option(
        "--data",
        metavar="DIR",
        help="A folder with Kaldi tables (wav.scp, text, utt2spk), such as CORPUS/test. "
        "Paths in wav.scp are absolute, or relative to the folder or the one above it.",
    ),
]
Json: TypeAlias = Annotated[
    Path | None,
    typer.Option("--json", metavar="OUT", help="Write the figures as one flat JSON object."),
]
Threshold: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--threshold",
        metavar="T",
        help="Least score of a name, -1 to 1, instead of the checkpoint's.",
    ),
]


def check_threshold(threshold: float | None) -> None:
    """Raise ConfigError for a number that is no cosine."""
    if threshold is not None and not -1.0 <= threshold <= 1.0:
        raise ConfigError("--threshold", str(threshold), "a cosine, -1 to 1")


def open_model(checkpoint: str, tasks: Sequence[str] | None = None) -> "SpeakerModel":
    """The checkpoint's model, on the GPU where the machine has one; of its tasks those named, all
    of them where None."""
    import torch

    from joint.app.api import load

    return load(checkpoint, "cuda" if torch.cuda.is_available() else "cpu", tasks=tasks)
