"""`joint import`: a model of another toolkit as a checkpoint of this one."""

from pathlib import Path
from typing import Annotated

import typer


def import_checkpoint(
    foreign: Annotated[
        str,
        typer.Argument(
            metavar="FOREIGN",
            help="The other toolkit's checkpoint: a folder, a file, or the name of a model on the "
            "Hugging Face hub.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Argument(
            metavar="FILE|DIR",
            help="The checkpoint to write: a file .safetensors, or a folder for model.safetensors.",
        ),
    ],
) -> None:
    """Import the speaker encoder of a WeSpeaker, SpeechBrain or Resemblyzer checkpoint, or encoder
    and extractor of a WeSep checkpoint, as a checkpoint of this toolkit.

    The embeddings and the extracted speech stay the same. The classifier is left out, and there is
    no threshold.

    Example: joint import Wespeaker/wespeaker-ecapa-tdnn512-LM ecapa
    """
    from joint.app.api import load
    from pretrained import importing

    model, path = importing.import_checkpoint(foreign, output)
    info = load(path).info()
    kind = model.encoder["backbone"]["_target_"].rpartition(".")[2]
    counts = info["parameters"]
    tasks = "".join(f"; {name} with {counts[name]:,} parameters" for name in model.tasks)
    print(
        f"{path}: {kind} from {model.toolkit}, {counts['encoder']:,} parameters, "
        f"embeddings of dimension {info['embedding_dim']}{tasks}; "
        f"left out: {', '.join(model.left_out) or 'nothing'}"
    )
