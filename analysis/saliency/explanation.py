"""One explained decision: map, curves, picture."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from analysis.saliency.cells import BANDS, HOP, Cells
from analysis.saliency.maps import CELLS, METHODS, Score, activation
from analysis.saliency.trust import Curves, curves
from joint.encoders.encoder import SpeakerEncoder
from joint.errors import ConfigError
from joint.files import atomic_path
from joint.units import SAMPLE_RATE


@dataclass(frozen=True)
class Explanation:
    """What a `score` rests on: `salience (bands, frames)` from 0 to 1 over a recording's `level`
    in decibels, and the curves that say whether to believe it."""

    score: float
    method: str
    layer: str
    salience: np.ndarray
    level: np.ndarray
    curves: Curves

    def figures(self) -> dict[str, object]:
        """As JSON has it: figures, and the salience of every 10 ms and of every band."""
        return {
            "score": self.score,
            "method": self.method,
            "layer": self.layer,
            "deletion_gain": self.curves.deletion_gain,
            "insertion_gain": self.curves.insertion_gain,
            "curves": vars(self.curves),
            "by_frame": np.round(self.salience.mean(axis=0), 4).tolist(),
            "by_band": np.round(self.salience.mean(axis=1), 4).tolist(),
        }


def explain(
    encoder: SpeakerEncoder, waveform: np.ndarray, score: Score, method: str, layer: str
) -> Explanation:
    """Explain `score` of one recording `(S,)`; the encoder is in eval mode.

    Raises ConfigError for a method that is unknown or does not fit the cells, DataError as
    `activation`.
    """
    checked(method, layer)
    cells = Cells.of(torch.from_numpy(waveform))
    at = activation(encoder, cells, score, layer)
    salience = METHODS[method](at, cells, score)
    salience = salience / salience.max().clamp(min=1e-12)
    with torch.no_grad():
        whole = float(score(cells.heard(torch.ones(cells.shape))[None])[0])
    found = curves(salience, cells, score)
    return Explanation(whole, method, layer, salience.numpy(), cells.level_db().numpy(), found)


def checked(method: str, layer: str) -> None:
    """Raises ConfigError for a method that is unknown or does not fit the layer."""
    if method not in METHODS:
        raise ConfigError("method", method, " or ".join(METHODS))
    if layer == CELLS and method != "layer-cam":
        raise ConfigError("layer", f"{CELLS} with {method}", "layer-cam, or a layer of the encoder")


def draw(explanation: Explanation, title: str, path: Path) -> None:
    """The spectrogram, the map over it, and the curves, as PNG.

    The colour is full at the map's 99th percentile: few cells are far above all others.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, (above, below, side) = plt.subplots(
        1, 3, figsize=(13, 3.4), gridspec_kw={"width_ratios": [2, 2, 1.2]}
    )
    seconds = explanation.level.shape[1] * HOP / SAMPLE_RATE
    place = {"aspect": "auto", "origin": "lower", "extent": (0.0, seconds, 0, BANDS)}
    loudest = float(explanation.level.max())
    above.imshow(explanation.level, vmin=loudest - 70, vmax=loudest, cmap="gray_r", **place)
    below.imshow(explanation.level, vmin=loudest - 70, vmax=loudest, cmap="gray_r", **place)
    full = max(float(np.percentile(explanation.salience, 99)), 1e-12)
    shade = np.minimum(explanation.salience / full, 1.0)
    below.imshow(shade, cmap="Reds", alpha=0.9 * shade, vmin=-0.5, vmax=1, **place)
    above.set_title(f"{title}: {explanation.score:.3f}", fontsize=10)
    below.set_title(f"{explanation.method} of {explanation.layer}", fontsize=10)
    for axis in (above, below):
        axis.set_xlabel("seconds")
        axis.set_ylabel("band (mel)")
    found = explanation.curves
    for values, label, colour, line in (
        (found.deletion, "deletion", "#b3261e", "-"),
        (found.random_deletion, "random", "#b3261e", ":"),
        (found.insertion, "insertion", "#1d4e89", "-"),
        (found.random_insertion, "random", "#1d4e89", ":"),
    ):
        side.plot(found.shares, values, line, color=colour, label=label)
    side.set_xlabel("share of the cells")
    side.set_title("score", fontsize=10)
    side.legend(fontsize=7)
    figure.tight_layout()
    with atomic_path(path) as unfinished:
        figure.savefig(unfinished, dpi=120)
    plt.close(figure)
