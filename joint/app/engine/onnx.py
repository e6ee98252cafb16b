"""Files that `joint export` wrote, at work in onnxruntime; no torch."""

import json
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from joint.app.engine.files import FORMAT
from joint.encoders.recordings import embed_recordings
from joint.errors import CheckpointError, ConfigError

ENDING = ".onnx"
ENCODER, EXTRACTOR = "encoder", "extractor"
"""Parts of a checkpoint, in the file of their name with the `ENDING`."""


class OnnxPart:
    """One exported `part` of a checkpoint at work on the processor.

    Raises CheckpointError for a file that onnxruntime cannot read, that is of another part or of
    another version; ConfigError where onnxruntime is not installed.
    """

    def __init__(self, path: str | Path, part: str) -> None:
        self.path = Path(path)
        self.expected = f"an {part}{ENDING} that `joint export` wrote"
        try:
            import onnxruntime
        except ImportError:
            expected = "pip install 'joint-speaker[export]'"
            raise ConfigError("engine onnx", "no package onnxruntime", expected) from None
        if not self.path.is_file():
            raise CheckpointError(self.path, "no file", self.expected)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        # as torch has it; 0 is a thread for each core
        threads = os.environ.get("OMP_NUM_THREADS", "")
        options.intra_op_num_threads = int(threads) if threads.isdigit() else 0
        try:
            self._session = onnxruntime.InferenceSession(
                str(self.path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its errors have no common class
            found = f"no readable ONNX ({str(error).splitlines()[0]})"
            raise CheckpointError(self.path, found, self.expected) from None
        self._check(part)

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """What the file says of itself; see `joint.app.export.export.metadata_of`."""
        stored = self._session.get_modelmeta().custom_metadata_map
        try:
            return {key: json.loads(value) for key, value in stored.items()}
        except ValueError:
            raise CheckpointError(self.path, "metadata that are not JSON", self.expected) from None

    def __call__(self, **inputs: np.ndarray) -> np.ndarray:
        """The part's first output for its `inputs`, by their names."""
        found: np.ndarray = self._session.run(None, inputs)[0]
        return found

    def _check(self, part: str) -> None:
        form, found = self.metadata.get("format"), self.metadata.get("part")
        if form != FORMAT:
            what = f"format {form!r}" if form else "an ONNX file without this package's metadata"
            raise CheckpointError(self.path, what, f"{FORMAT!r}: export the checkpoint again")
        if found != part:
            raise CheckpointError(self.path, f"part {found!r}", self.expected)


class OnnxEncoder(OnnxPart):
    """An exported encoder at work. Raises as OnnxPart."""

    def __init__(self, path: str | Path) -> None:
        super().__init__(path, ENCODER)

    def embed(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """Embed waveforms `(S,)`, float32 at 16 kHz: `(n, E)`, as `SpeakerModel.embed` does."""
        return embed_recordings(self._embedding, waveforms, self.metadata["embedding_dim"])

    def _embedding(self, audio: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        return self(waveform=audio, lengths=lengths)
