"""`joint import`: the speaker encoder of another toolkit as a checkpoint of this one."""

from pathlib import Path
from typing import Annotated

import typer


def import_checkpoint(
    foreign: Annotated[
        str,
        typer.Argument(
            metavar="FOREIGN",
            help="A checkpoint's folder or file, or a repository on huggingface.co.",
        ),
    ],
    output: Annotated[
        Path, typer.Argument(metavar="OUT", help="A file .safetensors, or a folder for one.")
    ],
) -> None:
    """Write the encoder of a WeSpeaker, SpeechBrain or Resemblyzer checkpoint as one of ours, which
    every verb takes.

    It gives the same embeddings. Its classifier stays behind, and it has no threshold.

    Example: joint import Wespeaker/wespeaker-ecapa-tdnn512-LM ecapa
    """
    from joint.app.api import load
    from pretrained import importing

    model, path = importing.import_checkpoint(foreign, output)
    info = load(path).info()
    kind = model.encoder["backbone"]["_target_"].rpartition(".")[2]
    print(
        f"{path}: {kind} from {model.toolkit}, {info['parameters']['encoder']:,} parameters, "
        f"embeddings of {info['embedding_dim']} numbers; "
        f"left out: {', '.join(model.left_out) or 'nothing'}"
    )
