"""Mel cepstra of speech frames: the features of the systems before neural networks."""

import logging
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from scipy.fft import dct
from torch import Tensor

from joint.data.corpus import Corpus
from joint.encoders.frontends.filterbank import Filterbank
from joint.errors import AudioError, ConfigError, DataError
from joint.training.progress import shown
from joint.units import SAMPLE_RATE, Decibels

Normalization = Literal["level", "mean", "mean-variance"]

LEAST_FRAMES = 10
"""Minimum of speech frames: a shorter utterance is refused."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Speech:
    """Speech frames of `B` utterances, concatenated: `frames (N, D)` float32, `counts (B,)` of each
    utterance, the durations `seconds (B,)` of the recordings, and the recordings that could not be
    used, with the reason."""

    names: list[str]
    frames: Tensor
    counts: Tensor
    seconds: np.ndarray
    skipped: dict[str, AudioError] = field(default_factory=dict)

    def utterances(self) -> tuple[Tensor, ...]:
        """The frames of each utterance, `(n, D)`."""
        return self.frames.split(self.counts.tolist())

    def rows(self) -> dict[str, int]:
        """Row of each name."""
        return {name: row for row, name in enumerate(self.names)}

    def select(self, rows: Iterable[int]) -> "Speech":
        """The utterances of these rows."""
        chosen, parts = list(rows), self.utterances()
        return Speech(
            [self.names[row] for row in chosen],
            torch.cat([parts[row] for row in chosen]),
            self.counts[torch.tensor(chosen)],
            self.seconds[chosen],
        )


class Cepstra:
    """Mel cepstra (Davis and Mermelstein, 1980) with first and second derivatives (Furui, 1986) of
    speech frames: `(S,)` → `(n, 3·coefficients)`.

    A frame is speech where its energy is at most `range_db` below the 95th percentile of the
    recording's frames, and above -70 dB of full scale. `normalize` subtracts each coefficient's
    mean over the speech frames (`mean`), also divides by its standard deviation (`mean-variance`),
    or subtracts the mean of the first coefficient only (`level`), which keeps the long-term
    spectrum and with it the channel.
    """

    def __init__(
        self,
        coefficients: int = 20,
        range_db: Decibels = 30.0,
        normalize: Normalization = "mean-variance",
    ) -> None:
        if normalize not in ("level", "mean", "mean-variance"):
            raise ConfigError("normalize", str(normalize), "level, mean or mean-variance")
        self.filterbank = Filterbank(bins=40)
        self.cosines = torch.from_numpy(dct(np.eye(40), norm="ortho")[:, :coefficients]).float()
        self.range_db, self.normalize = range_db, normalize
        self.dim = 3 * coefficients

    @torch.inference_mode()
    def __call__(self, waveform: np.ndarray) -> Tensor:
        """`(S,)` float32 at 16 kHz → `(n, D)`. Raises AudioError for too few speech frames."""
        samples = torch.from_numpy(waveform)
        if len(samples) < self.filterbank.window:
            raise AudioError("recording", f"{len(samples)} samples", "at least 25 ms")
        static = self.filterbank.log_mel(samples[None])[0] @ self.cosines
        derivative = derivatives(static)
        frames = torch.cat([static, derivative, derivatives(derivative)], dim=1)[
            self._is_speech(samples)
        ]
        if len(frames) < LEAST_FRAMES:
            found = f"{len(frames)} speech frames"
            raise AudioError("recording", found, f"at least {LEAST_FRAMES}")
        if self.normalize == "level":
            frames[:, 0] -= frames[:, 0].mean()
            return frames
        frames = frames - frames.mean(dim=0)
        if self.normalize == "mean":
            return frames
        return frames / frames.std(dim=0, correction=0).clamp(min=1e-3)

    def _is_speech(self, samples: Tensor) -> Tensor:
        windows = samples.unfold(0, self.filterbank.window, self.filterbank.hop)
        level = 10 * torch.log10(windows.var(dim=1, correction=0).clamp(min=1e-12))
        return level > max(float(level.quantile(0.95)) - self.range_db, -70.0)


def derivatives(x: Tensor) -> Tensor:
    """Derivatives `(F, D)` of `x (F, D)` by regression over two frames on either side, with the
    first and last frame repeated."""
    index = torch.arange(len(x))
    near, far = (
        x[(index + reach).clamp(max=len(x) - 1)] - x[(index - reach).clamp(min=0)]
        for reach in (1, 2)
    )
    return (near + 2 * far) / 10


def read_speech(
    cepstra: Cepstra,
    corpus: Corpus,
    names: Iterable[str] | None = None,
    change: Callable[[np.ndarray], np.ndarray] = lambda waveform: waveform,
    progress: bool = False,
) -> Speech:
    """Speech frames of the utterances of a corpus called `names`, or of all; `change` is applied to
    each waveform first.

    Recordings that cannot be read or have no speech are logged and listed in `skipped`. Raises
    DataError where none is left.
    """
    chosen = list(corpus.by_id if names is None else names)
    skipped: dict[str, AudioError] = {}
    kept: dict[str, Tensor] = {}
    seconds = []

    def read(name: str) -> tuple[Tensor, float] | AudioError:
        utterance = corpus.by_id[name]
        try:
            waveform = change(utterance.waveform())
            return cepstra(waveform), len(waveform) / SAMPLE_RATE
        except AudioError as error:
            return AudioError(utterance.path, error.found, error.expected)

    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as readers:
        found = readers.map(read, chosen)
        for name, one in shown(zip(chosen, found, strict=True), "features", progress, len(chosen)):
            if isinstance(one, AudioError):
                logger.warning("skipped %s: %s", name, one)
                skipped[name] = one
            else:
                kept[name] = one[0]
                seconds.append(one[1])
    if not kept:
        first = next(iter(skipped.values()), None)
        raise DataError(corpus.where, f"no recording with speech ({first})", "at least one")
    counts = torch.tensor([len(frames) for frames in kept.values()])
    return Speech(list(kept), torch.cat(list(kept.values())), counts, np.array(seconds), skipped)
