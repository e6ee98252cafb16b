"""DNSMOS: a network's estimate of what listeners would say of a recording, without a reference.

The networks are those of Reddy, Gopal and Cutler (ICASSP 2021: P.808; ICASSP 2022: P.835), from the
package `speechmos`. They were trained on noisy and enhanced speech, not on synthetic speech.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import torch

from joint.encoders.frontends.mel import mel_filters
from joint.errors import JointError
from joint.units import SAMPLE_RATE, Decibels, Samples, Seconds

LENGTH: Final[Samples] = 144_160
LENGTH_SECONDS: Final[Seconds] = 9.01
"""Of a window; the windows of a recording begin one second apart."""

P835, P808 = "sig_bak_ovr.onnx", "model_v8.onnx"
WINDOW, HOP, BANDS = 321, 160, 120
DYNAMIC_RANGE: Final[Decibels] = 80.0

SIGNAL = (-0.08397278, 1.22083953, 0.0052439)
BACKGROUND = (-0.13166888, 1.60915514, -0.39604546)
OVERALL = (-0.06766283, 1.11546468, 0.04602535)
"""Polynomials from a network's output to opinion scores, the highest power first."""


class DnsmosScores(NamedTuple):
    """Mean opinion scores, 1 to 5: of the speech, of the background and of the whole (P.835), and
    of the whole by the older network (P.808)."""

    signal: float
    background: float
    overall: float
    p808: float


def speechmos_folder() -> Path | None:
    """The folder of the networks in the package `speechmos`; None where it is not installed."""
    found = find_spec("speechmos")
    places = found.submodule_search_locations if found is not None else None
    return Path(next(iter(places))) / "dnsmos_models" if places else None


class Dnsmos:
    """The networks in a folder with `sig_bak_ovr.onnx` and `model_v8.onnx`.

    Raises JointError for a folder without them and without the package onnxruntime.
    """

    def __init__(self, folder: Path) -> None:
        if missing := [name for name in (P835, P808) if not (folder / name).is_file()]:
            found = f"no {missing[0]}" if folder.is_dir() else "no such folder"
            raise JointError(folder, found, f"a folder with {P835} and {P808}")
        try:
            import onnxruntime
        except ImportError as error:
            expected = "the extra `synthesis` (pip install onnxruntime)"
            raise JointError("DNSMOS", "no package onnxruntime", expected) from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        self.p835, self.p808 = (
            _session(onnxruntime, folder / name, options) for name in (P835, P808)
        )
        self.taper = torch.hann_window(WINDOW)
        self.filters = mel_filters(BANDS, WINDOW)

    def __call__(self, waveform: np.ndarray) -> DnsmosScores:
        """The scores of `waveform (S,)` at 16 kHz; a short one is repeated, as `speechmos` does,
        and samples beyond ±1 are clipped."""
        audio = np.clip(waveform.astype(np.float32), -1.0, 1.0)
        while len(audio) < LENGTH:
            audio = np.concatenate([audio, audio])
        starts = [SAMPLE_RATE * second for second in _seconds(len(audio))]
        windows = np.stack([audio[start : start + LENGTH] for start in starts])
        raw = self.p835.run(None, {"input_1": windows})[0]
        features = self._features(torch.from_numpy(windows[:, :-HOP])).numpy()
        p808 = self.p808.run(None, {"input_1": features})[0]
        signal, background, overall = (
            float(np.polyval(curve, column).mean())
            for curve, column in zip((SIGNAL, BACKGROUND, OVERALL), raw.T, strict=True)
        )
        return DnsmosScores(signal, background, overall, float(p808.mean()))

    def _features(self, windows: torch.Tensor) -> torch.Tensor:
        """Levels in mel bands, from -1 to 1 over the dynamic range below the loudest: `(n, F,
        BANDS)`."""
        spectrum = torch.stft(
            windows, WINDOW, HOP, window=self.taper, pad_mode="constant", return_complex=True
        )
        power = torch.view_as_real(spectrum).square().sum(dim=-1).transpose(1, 2) @ self.filters
        level = 10.0 * power.clamp(min=1e-10).log10()
        level = level - level.amax(dim=(1, 2), keepdim=True)
        return (level.clamp(min=-DYNAMIC_RANGE) + DYNAMIC_RANGE / 2) / (DYNAMIC_RANGE / 2)


def _seconds(samples: Samples) -> list[int]:
    """Where windows begin. These are the ones that `speechmos` uses: it counts by whole seconds and
    leaves out those whose end, rounded down as a float, is a sample short."""
    count = int(samples // SAMPLE_RATE - LENGTH_SECONDS) + 1
    ends = [int((second + LENGTH_SECONDS) * SAMPLE_RATE) for second in range(count)]
    return [s for s, end in enumerate(ends) if end - s * SAMPLE_RATE >= LENGTH]


def _session(onnxruntime: Any, path: Path, options: Any) -> Any:
    try:
        return onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises classes of its own for a damaged file
        raise JointError(path, str(error).splitlines()[0], "a network of DNSMOS") from error
