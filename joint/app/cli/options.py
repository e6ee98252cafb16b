"""Options that several commands share."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from joint.app.checkpoints import SHIPPED
from joint.app.manner import GRIFFIN_LIM
from joint.errors import ConfigError

if TYPE_CHECKING:
    from joint.app.api import SpeakerModel

__all__ = ["SHIPPED"]

Checkpoint: TypeAlias = Annotated[
    str,
    typer.Option(
        "--checkpoint",
        metavar="CHECKPOINT",
        help="The trained model: a safetensors file, the output folder of a training, the name of "
        "a shipped checkpoint, or the name of a model on the Hugging Face hub, such as "
        "Wespeaker/wespeaker-ecapa-tdnn512-LM, which is imported and cached at its first use.",
    ),
]
Engine: TypeAlias = Annotated[
    str,
    typer.Option(
        "--engine",
        metavar="ENGINE",
        help="What computes: `torch`; `onnx` (onnxruntime, on the processor, with an export of the "
        "checkpoint that is made and cached at its first use); `auto`: `onnx` where CHECKPOINT is "
        "a file that `joint export` wrote, else `torch`.",
    ),
]
Database: TypeAlias = Annotated[
    Path,
    typer.Option(
        "--database", metavar="DB", help="A speaker database: a folder that `joint enroll` writes."
    ),
]
KnownSpeakers: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--database",
        metavar="DB",
        help="A speaker database that `joint enroll` wrote: speakers found in it get their name.",
    ),
]
Data: TypeAlias = Annotated[
    Path,
    typer.Option(
        "--data",
        metavar="DATA",
        help="The corpus: a folder that `joint prepare` or `joint shard` wrote, the URL of a "
        "sharded one, or a folder with Kaldi tables (wav.scp, text, utt2spk).",
    ),
]
AlignedData: TypeAlias = Annotated[
    Path,
    typer.Option(
        "--data",
        metavar="DATA",
        help="A prepared corpus with phones and their times, which `joint align` adds.",
    ),
]
Json: TypeAlias = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", help="Also write the result as a JSON object."),
]
Report: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="FILE.html",
        help="Also write a page of tables, charts and, where there is audio, players.",
    ),
]
AllowPackages: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-package",
        metavar="P",
        help="A package of your own from which the YAML may name classes; may be repeated.",
    ),
]

Threshold: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--threshold",
        metavar="COSINE",
        help="Lowest score, from -1 to 1, at which a recording is taken for an enrolled speaker; "
        "by default the checkpoint's threshold.",
    ),
]
ClusterThreshold: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--cluster-threshold",
        metavar="COSINE",
        help="The least mean cosine of one speaker's windows, -1 to 1, which estimates the "
        "number of speakers; by default the checkpoint's own.",
    ),
]
Picture: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--picture", metavar="FILE", help="Also draw the turns on a time line: .svg or .png."
    ),
]

VoiceRecording: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--enrollment",
        metavar="E.wav",
        help="A recording in which only the person talks whose voice it is to be, with >= 1 s of "
        "speech; several seconds are better.",
    ),
]
VocoderName: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--vocoder",
        metavar=f"{GRIFFIN_LIM}|CHECKPOINT",
        help="Griffin-Lim, which needs no training and sounds worse, or the vocoder of another "
        "checkpoint; by default the checkpoint's own.",
    ),
]
Steps: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--steps",
        metavar="N",
        help="Steps of a decoder that follows a flow, 1 to 100: fewer are faster, more are better "
        "up to a point; by default the checkpoint's own number.",
    ),
]
Temperature: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--temperature",
        metavar="T",
        help="Of what a decoder draws (a flow, VITS, a language model of codes), 0 to 2: lower is "
        "more alike from seed to seed; by default the checkpoint's own.",
    ),
]
TopP: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--top-p",
        metavar="P",
        help="A language model of codes draws from the most probable ones, which together have at "
        "least this probability, 0.01 to 1; by default the checkpoint's own.",
    ),
]
Seed: TypeAlias = Annotated[
    int,
    typer.Option(
        "--seed", metavar="N", help="Of what is drawn: the same seed gives the same speech."
    ),
]


def check_threshold(threshold: float | None, option: str = "--threshold") -> None:
    """Raise ConfigError for a number that is not a cosine."""
    if threshold is not None and not -1.0 <= threshold <= 1.0:
        raise ConfigError(option, str(threshold), "a cosine, -1 to 1")


def open_model(checkpoint: str, tasks: Sequence[str] | None = None) -> "SpeakerModel":
    """The checkpoint's model, on the GPU where the machine has one; of its tasks those named, all
    of them where None."""
    import torch

    from joint.app.api import load

    return load(checkpoint, "cuda" if torch.cuda.is_available() else "cpu", tasks=tasks)
