"""Another toolkit's checkpoint, written as one of ours."""

from pathlib import Path
from typing import Protocol

from joint.errors import CheckpointError
from pretrained import hub, resemblyzer
from pretrained.foreign import ForeignModel
from pretrained.speechbrain import reader as speechbrain
from pretrained.wespeaker import reader as wespeaker


class Reader(Protocol):
    """What a toolkit's module owes: whether a path is one of its checkpoints, and the encoder."""

    __name__: str

    def recognises(self, path: Path, /) -> bool: ...

    def read(self, path: Path, /) -> ForeignModel: ...


READERS: tuple[Reader, ...] = (wespeaker, speechbrain, resemblyzer)
"""Asked in turn; the first that recognises a path reads it."""

CHECKPOINT = "model.safetensors"


def import_checkpoint(source: str | Path, output: Path) -> tuple[ForeignModel, Path]:
    """Write the encoder of `source`, a file, a folder or a name that the hub knows, to `output`: a
    file that ends in `.safetensors`, or a folder for `model.safetensors`.

    Gives what was read and the file. Raises CheckpointError, and leaves nothing half-written.
    """
    path = Path(source)
    if not path.exists():
        path = hub.folder_of(str(source))
    reader = next((reader for reader in READERS if reader.recognises(path)), None)
    if reader is None:
        toolkits = " or ".join(reader.__name__.split(".")[1] for reader in READERS)
        raise CheckpointError(source, "no layout that is known", f"a checkpoint of {toolkits}")
    foreign = reader.read(path)
    target = output if output.suffix == ".safetensors" else output / CHECKPOINT
    foreign.write(target, Path(source).resolve().name)
    return foreign, target
