"""`joint export`: parts of a checkpoint as files for other runtimes."""

from pathlib import Path
from typing import Annotated

import typer

from joint.errors import ConfigError


def export(
    checkpoint: Annotated[
        str,
        typer.Argument(
            metavar="CHECKPOINT",
            help="A safetensors file, the output folder of a training, the name of a shipped "
            "checkpoint, or the name of a model on the Hugging Face hub.",
        ),
    ],
    output: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder for the files, one for each part.")
    ],
    form: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="`onnx` or `torchscript`.")
    ] = "onnx",
    part: Annotated[
        list[str] | None,
        typer.Option(
            "--part",
            metavar="PART",
            help="`encoder`, `extractor`, `recogniser` or `vocoder`; may be repeated; by default "
            "all that the checkpoint has.",
        ),
    ] = None,
    int8: Annotated[
        bool,
        typer.Option(
            "--int8",
            help="Also write encoder.int8.onnx, in 8-bit integers, and print the equal error "
            "rates of both on the embedded held-out speakers.",
        ),
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="DATA",
            help="A corpus to calibrate 8-bit integers with; by default the embedded held-out "
            "speakers.",
        ),
    ] = None,
) -> None:
    """Export parts of a checkpoint to ONNX or TorchScript: the encoder with its front-end, the
    extractor, recognisers, the vocoder.

    Lengths stay free; thresholds, the calibration and names of inputs are inside. Each file is
    compared with torch on real speech; where one differs, or a layer cannot be exported, nothing
    is written.

    Example: joint export speechocean762-librispeech-joint exported --part encoder
    """
    if data is not None and not int8:
        raise ConfigError("--data", "no --int8", "both, or neither")
    from joint.app.api import load
    from joint.app.export.calibrating import recordings_of
    from joint.app.export.export import export as write

    calibration = recordings_of(data) if int8 else None
    for file in write(load(checkpoint), output, form, part or (), calibration):
        print(f"{file.path}: {file.description}")
