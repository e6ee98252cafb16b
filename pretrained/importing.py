"""Import another toolkit's checkpoint: read it and write a checkpoint of this project."""

from pathlib import Path
from typing import Protocol

from joint.errors import CheckpointError
from pretrained import hub, resemblyzer
from pretrained.foreign import ForeignModel
from pretrained.speechbrain import reader as speechbrain
from pretrained.wesep import reader as wesep
from pretrained.wespeaker import reader as wespeaker


class Reader(Protocol):
    """The module of a toolkit: does it recognise a path, and which model does it read there."""

    __name__: str

    def recognises(self, path: Path, /) -> bool: ...

    def read(self, path: Path, /) -> ForeignModel: ...


READERS: tuple[Reader, ...] = (wesep, wespeaker, speechbrain, resemblyzer)
"""Asked in turn; the first that recognises a path reads it. WeSep's files are named as WeSpeaker's,
and it looks into them."""

CHECKPOINT = "model.safetensors"


def import_checkpoint(source: str | Path, output: Path) -> tuple[ForeignModel, Path]:
    """Import the model of `source` (a file, a folder or a name on the hub) into `output`: a file
    that ends in `.safetensors`, or a folder for `model.safetensors`.

    Gives the model that was read and the file that was written. Raises CheckpointError, and leaves
    no partial file.
    """
    path = Path(source)
    if not path.exists():
        path = hub.folder_of(str(source))
    reader = reader_of(path)
    if reader is None:
        toolkits = " or ".join(reader.__name__.split(".")[1] for reader in READERS)
        raise CheckpointError(source, "an unknown layout", f"a checkpoint of {toolkits}")
    foreign = reader.read(path)
    target = output if output.suffix == ".safetensors" else output / CHECKPOINT
    foreign.write(target, Path(source).resolve().name)
    return foreign, target


def reader_of(path: Path) -> Reader | None:
    """The first reader that recognises `path`; None where there is none."""
    return next((reader for reader in READERS if reader.recognises(path)), None)
