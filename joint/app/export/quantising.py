"""An exported encoder in 8-bit integers, and what that changes of its error rate."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from joint.app.engine.onnx import OnnxEncoder
from joint.app.export.capture import quiet
from joint.app.export.speech import TRIALS, held_out
from joint.directions import unit
from joint.errors import ConfigError
from joint.metrics.detection import error_rates
from tasks.verification.embedding import embed_files
from tasks.verification.trials import Trials

KEPT = ("frontend", "pooling")
"""Parts that stay in float32: their values have a wide range, and they cost little."""


def quantised(encoder: Path, output: Path, waveforms: Iterable[np.ndarray]) -> None:
    """Write the ONNX `encoder` with its convolutions and matrix products in 8-bit integers (static
    quantisation, a scale for each output channel), its ranges measured on `waveforms (S,)`.

    Raises ConfigError where onnx is not installed.
    """
    try:
        import onnx
        from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
    except ImportError as error:
        raise ConfigError("--int8", str(error), "pip install 'joint-speaker[export]'") from None

    class Recordings(CalibrationDataReader):
        def __init__(self) -> None:
            self._rest = iter(waveforms)

        def get_next(self) -> dict[str, Any] | None:
            waveform = next(self._rest, None)
            if waveform is None:
                return None
            return {"waveform": waveform[None], "lengths": np.array([len(waveform)])}

    model = onnx.load(encoder)
    kept = [
        node.name
        for node in model.graph.node
        if any(f".{part}" in entry.value for entry in node.metadata_props for part in KEPT)
    ]
    with quiet():
        quantize_static(
            model,
            output,
            Recordings(),
            op_types_to_quantize=["Conv", "Gemm", "MatMul"],
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=kept,
        )
    written = onnx.load(output)
    del written.metadata_props[:]
    written.metadata_props.extend(model.metadata_props)
    onnx.save(written, output)


def error_percent(encoder: Path) -> float:
    """The equal error rate of an exported encoder's cosines on the trials of the held-out speakers
    of the embedded corpus, in percent."""
    trials, recordings = Trials.load(TRIALS), held_out()
    chosen = {name: recordings[name] for name in trials.names}
    embedded = embed_files(OnnxEncoder(encoder).embed, chosen)
    rows, directions = embedded.rows(), unit(embedded.embeddings)
    first, second = trials.positions(rows)
    scores = (directions[first] * directions[second]).sum(axis=1)
    return error_rates(scores, trials.labels).eer().percent
