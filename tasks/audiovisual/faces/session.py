"""Networks in ONNX."""

import os
from pathlib import Path
from typing import Any

from joint.errors import CheckpointError, ConfigError
from tasks.audiovisual.faces.reading import EXTRA


def open_session(path: str | Path, expected: str) -> Any:
    """An onnxruntime session on the processor. Raises CheckpointError, which says what was
    `expected`, for a file that is not there or not ONNX; ConfigError without onnxruntime."""
    try:
        import onnxruntime
    except ImportError:
        raise ConfigError("face encoder", "no package onnxruntime", EXTRA) from None
    if not Path(path).is_file():
        raise CheckpointError(path, "no file", expected)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    threads = os.environ.get("OMP_NUM_THREADS", "")  # as torch has it
    options.intra_op_num_threads = int(threads) if threads.isdigit() else 0
    try:
        return onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
    except Exception as error:  # its errors have no common class
        found = f"no readable ONNX ({str(error).splitlines()[0]})"
        raise CheckpointError(path, found, expected) from None
