"""What computes for a command: torch, or onnxruntime with exported parts of the checkpoint."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from joint.app.checkpoints import checkpoint_file
from joint.app.engine.files import FORMAT
from joint.app.engine.onnx import ENCODER, ENDING, EXTRACTOR
from joint.errors import ConfigError
from pretrained.names import cache_folder

if TYPE_CHECKING:
    from joint.app.shared.extraction import Extracting
    from joint.app.shared.judging import Judging

ENGINES = ("auto", "onnx", "torch")


def open_encoder(checkpoint: str, engine: str = "auto") -> "Judging":
    """The encoder of a `checkpoint` with its thresholds, or one that `joint export` wrote
    (`.onnx`); without torch where that is not its engine.

    Args:
        engine: `torch`; `onnx`, which exports what it needs of a checkpoint at its first use and
            keeps the files in the cache; `auto`: `onnx` for an exported file, else `torch`.

    Raises ConfigError for an unknown engine, CheckpointError for what neither of them can read.
    """
    if (file := _exported(checkpoint, engine, ENCODER)) is not None:
        from joint.app.engine.exported import ExportedEncoder

        return ExportedEncoder(file)
    from joint.app.cli.options import open_model

    return open_model(checkpoint, tasks=())


def open_extractor(checkpoint: str, engine: str = "auto") -> "Extracting":
    """A checkpoint's encoder and extractor, as `open_encoder` chooses them and with its errors; of
    exported files the extractor's, beside which is the encoder's."""
    if (file := _exported(checkpoint, engine, EXTRACTOR)) is not None:
        from joint.app.engine.extractor import ExportedExtractor

        return ExportedExtractor(file)
    from joint.app.cli.options import open_model

    return open_model(checkpoint)


def _exported(checkpoint: str, engine: str, part: str) -> Path | None:
    """The file of an exported part, where onnxruntime is to compute; None where torch is."""
    if engine not in ENGINES:
        raise ConfigError("engine", repr(engine), " or ".join(ENGINES))
    if Path(checkpoint).suffix == ENDING:
        if engine == "torch":
            raise ConfigError("engine torch", f"the exported {part} {checkpoint}", "onnx, or auto")
        return Path(checkpoint)
    if engine != "onnx":
        return None
    parts = [ENCODER] if part == ENCODER else [ENCODER, part]
    return exported_parts(checkpoint, parts) / f"{part}{ENDING}"


def exported_parts(checkpoint: str, parts: Sequence[str]) -> Path:
    """The folder in the cache with these parts of a checkpoint as ONNX, each exported once."""
    file = checkpoint_file(checkpoint)
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    folder = cache_folder() / "exported" / digest[:32] / FORMAT.replace("/", "-")
    missing = [part for part in parts if not (folder / f"{part}{ENDING}").is_file()]
    if missing:
        # here: both need torch
        from joint.app.api import load
        from joint.app.export.export import export

        tasks = () if missing == [ENCODER] else None
        export(load(checkpoint, tasks=tasks), folder, kinds=missing)
    return folder
