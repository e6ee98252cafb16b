"""silero-vad's network for 16 kHz, in NumPy, with the weights in its package; torch is not needed.

The package's own model takes a frame of 32 ms at a time; here many frames go through the
convolutions at once, with the same probabilities within 1e-4.
"""

from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np

from joint.inspection.torchscript import read_tensors
from joint.units import Samples

FRAME: Samples = 512
CONTEXT: Samples = 64
"""Samples of a frame, and of the frame before that the network gets too."""

PADDING, HOP = 64, 128
"""Samples of reflected padding behind a frame, and between two windows of its transform."""

STRIDES = (1, 2, 2, 1)
"""Of the convolutions over the windows of a frame; they leave one feature vector of it."""

CELL = 128
"""Features in the recurrent state."""

Weights = Mapping[str, np.ndarray]


class State(NamedTuple):
    """What the recurrent layer keeps of the frames before: `output (128,)` and `cell (128,)`."""

    output: np.ndarray
    cell: np.ndarray

    @classmethod
    def first(cls) -> "State":
        """Before the first frame."""
        return cls(np.zeros(CELL, np.float32), np.zeros(CELL, np.float32))


@cache
def weights() -> Weights:
    """The network's tensors, by their names in the package's model."""
    package = find_spec("silero_vad")  # found, not imported: its import is that of torch
    assert package is not None and package.submodule_search_locations
    file = Path(package.submodule_search_locations[0]) / "data" / "silero_vad.jit"
    own = "_model."  # beside it is the network for 8 kHz
    found = read_tensors(file).items()
    return {name.removeprefix(own): x for name, x in found if name.startswith(own)}


def probabilities(audio: np.ndarray, state: State) -> tuple[np.ndarray, State]:
    """The probability of speech in each of n frames, `(n,)`, and the recurrent state after them.

    Args:
        audio: `(64 + n · 512,)`, the frames behind the context of the first one.
    """
    features = _convolved(_spectra(audio))
    outputs, state = _recurrent(features, state)
    kernel, bias = weights()["decoder.decoder.2.weight"], weights()["decoder.decoder.2.bias"]
    logits = np.maximum(outputs, 0) @ kernel[0, :, 0] + bias
    return 0.5 * (1 + np.tanh(0.5 * logits)), state


def _spectra(audio: np.ndarray) -> np.ndarray:
    """Magnitudes `(n, 4, 129)` of the windows of each frame."""
    frames = np.lib.stride_tricks.sliding_window_view(audio, CONTEXT + FRAME)[::FRAME]
    frames = np.pad(frames, ((0, 0), (0, PADDING)), mode="reflect")
    spectra = _product(frames, HOP, weights()["stft.forward_basis_buffer"][:, 0].T)
    real, imaginary = np.split(spectra, 2, axis=2)
    return np.asarray(np.sqrt(np.square(real) + np.square(imaginary)))


def _convolved(features: np.ndarray) -> np.ndarray:
    """One feature vector a frame, `(n, 128)`, of its magnitudes `(n, 4, 129)`."""
    for layer, stride in enumerate(STRIDES):
        name = f"encoder.{layer}.reparam_conv"
        kernel, bias = weights()[f"{name}.weight"], weights()[f"{name}.bias"]
        padded = np.pad(features, ((0, 0), (1, 1), (0, 0)))
        count, _, size = padded.shape
        flat = kernel.transpose(2, 1, 0).reshape(-1, len(kernel))  # taps by features
        features = _product(padded.reshape(count, -1), stride * size, flat)
        features = np.maximum(features + bias, 0)
    return features[:, 0]


def _product(rows: np.ndarray, hop: int, matrix: np.ndarray) -> np.ndarray:
    """The product `(n, windows, m)` of the windows of each of `rows (n, length)`, a `hop` apart,
    with a `matrix (width, m)`; one product of matrices, since many small ones take longer."""
    windows = np.lib.stride_tricks.sliding_window_view(rows, len(matrix), axis=1)[:, ::hop]
    product = np.ascontiguousarray(windows).reshape(-1, len(matrix)) @ matrix
    return product.reshape(*windows.shape[:2], -1)


@cache
def _gates() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The recurrent layer's weights of features and outputs, and its bias. Those of the three gates
    are halved, so that one tanh is all that a step needs: σ(x) = (1 + tanh(x / 2)) / 2."""
    half = np.full((4, CELL), 0.5, np.float32)
    half[2] = 1.0  # the new content of the cell; before it are the gates of input and forgetting
    scale = half.reshape(-1)
    own = "decoder.rnn."
    bias = weights()[f"{own}bias_ih"] + weights()[f"{own}bias_hh"]
    given, kept = (
        np.ascontiguousarray((scale[:, None] * weights()[f"{own}weight_{of}"]).T)
        for of in ("ih", "hh")
    )
    return given, kept, scale * bias


def _recurrent(features: np.ndarray, state: State) -> tuple[np.ndarray, State]:
    """The recurrent layer's outputs `(n, 128)`, and its state after them."""
    given, kept, bias = _gates()
    output, cell = state
    outputs = np.empty_like(features)
    for place, step in enumerate(features @ given + bias):
        activated = np.tanh(step + output @ kept).reshape(4, CELL)
        gates = 0.5 + 0.5 * activated
        cell = gates[1] * cell + gates[0] * activated[2]
        output = outputs[place] = gates[3] * np.tanh(cell)
    return outputs, State(output, cell)
