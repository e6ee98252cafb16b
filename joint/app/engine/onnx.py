"""Speaker embeddings by onnxruntime, from an encoder that `joint export` wrote; no torch."""

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

EXPECTED = "an encoder.onnx that `joint export` wrote"


class OnnxEncoder:
    """An exported encoder at work on the processor.

    Raises CheckpointError for a file that onnxruntime cannot read, that is of another part or of
    another version; ConfigError where onnxruntime is not installed.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            import onnxruntime
        except ImportError:
            expected = "pip install 'joint-speaker[export]'"
            raise ConfigError("engine onnx", "no package onnxruntime", expected) from None
        if not self.path.is_file():
            raise CheckpointError(self.path, "no file", EXPECTED)
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
            reason = str(error).split("\n")[0]
            raise CheckpointError(self.path, f"no readable ONNX ({reason})", EXPECTED) from None
        self._check()

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """What the file says of itself; see `joint.app.export.export.metadata_of`."""
        stored = self._session.get_modelmeta().custom_metadata_map
        try:
            return {key: json.loads(value) for key, value in stored.items()}
        except ValueError:
            raise CheckpointError(self.path, "metadata that are not JSON", EXPECTED) from None

    def embed(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """Embed waveforms `(S,)`, float32 at 16 kHz: `(n, E)`, as `SpeakerModel.embed` does."""
        return embed_recordings(self._embedding, waveforms, self.metadata["embedding_dim"])

    def _embedding(self, audio: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        given = {"waveform": audio, "lengths": lengths}
        embedding: np.ndarray = self._session.run(["embedding"], given)[0]
        return embedding

    def _check(self) -> None:
        found, part = self.metadata.get("format"), self.metadata.get("part")
        if found != FORMAT:
            what = f"format {found!r}" if found else "an ONNX file without this package's metadata"
            raise CheckpointError(self.path, what, f"{FORMAT!r}: export the checkpoint again")
        if part != "encoder":
            raise CheckpointError(self.path, f"part {part!r}", EXPECTED)
