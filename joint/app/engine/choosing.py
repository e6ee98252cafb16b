"""What computes speaker embeddings for a command: torch, or onnxruntime on an exported encoder."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from joint.app.checkpoints import cache_folder, checkpoint_file
from joint.app.engine.files import FORMAT
from joint.app.engine.onnx import OnnxEncoder
from joint.errors import ConfigError

ENGINES = ("auto", "onnx", "torch")
ENCODER = "encoder.onnx"

Embed = Callable[[Sequence[np.ndarray]], np.ndarray]
"""Waveforms `(S,)` float32 at 16 kHz to embeddings `(n, E)`."""


def open_embedder(checkpoint: str, engine: str = "auto") -> Embed:
    """What embeds recordings with a `checkpoint`, or with an encoder that `joint export` wrote
    (`.onnx`).

    Args:
        engine: `torch`; `onnx`, which exports a checkpoint at its first use and keeps the file in
            the cache; `auto`: `onnx` for an exported encoder, else `torch`.

    Raises ConfigError for an unknown engine, CheckpointError for what neither of them can read.
    """
    if engine not in ENGINES:
        raise ConfigError("engine", repr(engine), " or ".join(ENGINES))
    if Path(checkpoint).suffix == ".onnx":
        if engine == "torch":
            raise ConfigError("engine torch", f"the exported encoder {checkpoint}", "onnx, or auto")
        return OnnxEncoder(checkpoint).embed
    if engine == "onnx":
        return OnnxEncoder(exported_encoder(checkpoint)).embed
    from joint.app.cli.options import open_model

    return open_model(checkpoint, tasks=()).embed


def exported_encoder(checkpoint: str) -> Path:
    """The encoder of a checkpoint as ONNX, in the cache, where it is exported once."""
    file = checkpoint_file(checkpoint)
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    folder = cache_folder() / "exported" / digest[:32] / FORMAT.replace("/", "-")
    if not (folder / ENCODER).is_file():
        # here: both need torch
        from joint.app.api import load
        from joint.app.export.export import export

        export(load(checkpoint, tasks=()), folder, kinds=["encoder"])
    return folder / ENCODER
