"""The explanation of one score: its map, the deletion curves of the map, and a picture of both."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from analysis.charts import new_figure, save
from analysis.saliency.deletion import Curves, deletion_curves
from analysis.saliency.maps import METHODS, SPECTROGRAM, Score, activation
from analysis.saliency.spectrogram import BANDS, HOP, MaskableSpectrogram
from joint.encoders.encoder import SpeakerEncoder
from joint.errors import ConfigError
from joint.units import SAMPLE_RATE


@dataclass(frozen=True)
class Explanation:
    """The `salience (bands, frames)`, 0 to 1, of a recording's cells for a `score`, their `level`
    in decibels, and the deletion and insertion curves of the map."""

    score: float
    method: str
    layer: str
    salience: np.ndarray
    level: np.ndarray
    curves: Curves

    def figures(self) -> dict[str, object]:
        """Values for JSON; salience is summarised for each frame (10 ms) and each band."""
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

    Raises ConfigError for an unknown method or one that does not fit the layer, DataError as
    `activation`.
    """
    check_method(method, layer)
    spectrogram = MaskableSpectrogram.of(torch.from_numpy(waveform))
    at = activation(encoder, spectrogram, score, layer)
    salience = METHODS[method](at, spectrogram, score)
    salience = salience / salience.max().clamp(min=1e-12)
    with torch.no_grad():
        whole = float(score(spectrogram.masked(torch.ones(spectrogram.shape))[None])[0])
    curves = deletion_curves(salience, spectrogram, score)
    level = spectrogram.level_db().numpy()
    return Explanation(whole, method, layer, salience.numpy(), level, curves)


def check_method(method: str, layer: str) -> None:
    """Raise ConfigError for an unknown method or one that does not fit the layer."""
    if method not in METHODS:
        raise ConfigError("method", method, " or ".join(METHODS))
    if layer == SPECTROGRAM and method != "layer-cam":
        found = f"{SPECTROGRAM} with {method}"
        raise ConfigError("layer", found, "layer-cam, or a layer of the encoder")


def draw(explanation: Explanation, title: str, path: Path) -> None:
    """Draw the spectrogram, the map over it, and the curves.

    Colours saturate at the map's 99th percentile, since few cells are far above all others.
    """
    figure = new_figure(13.0, 3.4)
    first, second, third = figure.subplots(1, 3, gridspec_kw={"width_ratios": [2, 2, 1.2]})
    seconds = explanation.level.shape[1] * HOP / SAMPLE_RATE
    place = {"aspect": "auto", "origin": "lower", "extent": (0.0, seconds, 0, BANDS)}
    loudest = float(explanation.level.max())
    full = max(float(np.percentile(explanation.salience, 99)), 1e-12)
    shade = np.minimum(explanation.salience / full, 1.0)
    for axis in (first, second):
        axis.imshow(explanation.level, vmin=loudest - 70, vmax=loudest, cmap="gray_r", **place)
        axis.set(xlabel="seconds", ylabel="band (mel)")
    second.imshow(shade, cmap="Reds", alpha=0.9 * shade, vmin=-0.5, vmax=1, **place)
    first.set_title(f"{title}: {explanation.score:.3f}", fontsize=10)
    second.set_title(f"{explanation.method} of {explanation.layer}", fontsize=10)
    curves = explanation.curves
    for values, label, colour, line in (
        (curves.deletion, "deletion", "#b3261e", "-"),
        (curves.random_deletion, "random", "#b3261e", ":"),
        (curves.insertion, "insertion", "#1d4e89", "-"),
        (curves.random_insertion, "random", "#1d4e89", ":"),
    ):
        third.plot(curves.shares, values, line, color=colour, label=label)
    third.set_xlabel("share of the cells")
    third.set_title("score", fontsize=10)
    third.legend(fontsize=7)
    save(figure, path)
