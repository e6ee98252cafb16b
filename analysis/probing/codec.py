"""What each quantiser of a codec holds: its vectors as layers for probes."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch

from analysis.probing.findings import Finding
from analysis.probing.layers import LayerOutputs, mean_and_deviation
from analysis.probing.study import Material, probe_outputs
from joint.synthesis.codec.codec import CODE_HOP, CODE_OFFSET, Codec

TOGETHER = "together"
"""The sum of all quantisers' vectors."""


def probe_codec(codec: Codec, material: Material, progress: str | None = None) -> list[Finding]:
    """Findings of both probes at each quantiser, by its number, and at all `together`; see
    `probe_encoder`."""
    return probe_outputs(partial(quantizer_outputs, codec), material, (), progress)


def quantizer_outputs(
    codec: Codec, waveforms: Sequence[np.ndarray], instants: Sequence[np.ndarray] | None = None
) -> LayerOutputs:
    """The vectors of each quantiser, and their sum, as `layer_outputs` gives those of layers."""
    device = next(codec.parameters()).device
    pooled: dict[str, list[np.ndarray]] = {}
    frames: dict[str, list[np.ndarray]] = {}
    for place, waveform in enumerate(waveforms):
        with torch.inference_mode():
            codes = codec.encode(torch.from_numpy(waveform)[None].to(device))
            vectors = codec.quantizer.vectors(codes)[0]  # (C, Q, D)
        layers = {str(number + 1): vectors[:, number] for number in range(vectors.shape[1])}
        for name, layer in (layers | {TOGETHER: vectors.sum(dim=1)}).items():
            everything = torch.ones_like(layer[None, :, 0], dtype=torch.bool)
            row = mean_and_deviation(layer.T[None], everything)[0]
            pooled.setdefault(name, []).append(row.cpu().numpy())
            if instants is not None:
                nearest = np.rint((instants[place] - CODE_OFFSET) / CODE_HOP).astype(int)
                chosen = layer.cpu().numpy()[nearest.clip(0, len(layer) - 1)]
                frames.setdefault(name, []).append(chosen)
    return LayerOutputs(
        {name: np.stack(rows) for name, rows in pooled.items()},
        {name: np.concatenate(rows) for name, rows in frames.items()},
    )
