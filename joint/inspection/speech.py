"""Where speech is in a recording, by silero-vad."""

import warnings
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from joint.units import SAMPLE_RATE, Decibels, Samples, Seconds

PAUSE: Seconds = 0.3
"""A shorter silence does not end speech, as in NIST's rich transcription evaluations."""

FRAME, CONTEXT, PADDING = 512, 64, 64
"""Samples of a frame, of the frame before that the network gets too, and of reflected padding."""

AT_ONCE = 1024
"""Frames in one step of the network, 33 s: what memory has to hold."""

STEP: Samples = 1 << 16
"""Samples that are summed at once, in float32."""

QUIET: Decibels = -35.0
RAISED: Decibels = -25.0
"""silero-vad misses quiet speech: 40 dB below their own level, a sixth of the recordings of
speechocean762's validation have none for it. What is quieter than `QUIET` is raised to `RAISED`."""

SHORTEST, SHORTEST_OF_A_WORD = 250, 60
WORD: Seconds = 1.0
"""Milliseconds of the shortest region, and of that in a recording no longer than a `WORD`, which
has little before it from which the network could know the room: of pieces of 0.3 s inside speech it
finds 62 % as regions of 250 ms, 91 % as regions of two frames, and of pieces of 0.5 s 92 and 98 %
(106 recordings of speechocean762)."""

Weights = dict[str, Tensor]


class Region(NamedTuple):
    """A stretch of a recording, `end` not included."""

    start: Samples
    end: Samples


class SileroSpeech:
    """Speech detection by silero-vad, with the weights in its package; on the CPU.

    The package's own model takes a frame of 32 ms at a time; here many frames go through the
    convolutions at once, with the same probabilities within 1e-5, five times as fast.
    """

    def __init__(self, pause: Seconds = PAUSE) -> None:
        self.pause, self._weights = pause, _weights()

    def __call__(self, waveform: np.ndarray, progress: bool = False) -> list[Region]:
        """Regions of speech in `waveform (S,)`, float32 at 16 kHz, in order; none in silence."""
        return self.regions(self.probabilities(waveform, progress), len(waveform))

    def probabilities(self, waveform: np.ndarray, progress: bool = False) -> np.ndarray:
        """The probability of speech in each frame of 32 ms of `waveform (S,)`, the last one padded
        with zeros."""
        from joint.training.progress import working  # slow to import, for a bar

        gain, found = _gain(waveform), []
        state = (torch.zeros(1, 1, 128), torch.zeros(1, 1, 128))
        with torch.inference_mode(), working("detecting speech", progress, len(waveform)) as done:
            for start in range(0, len(waveform), AT_ONCE * FRAME):
                block = gain * waveform[max(0, start - CONTEXT) : start + AT_ONCE * FRAME]
                before = 0 if start else CONTEXT
                after = -(len(block) + before - CONTEXT) % FRAME
                padded = functional.pad(torch.from_numpy(block), (before, after))
                given, state = _network(self._weights, padded, state)
                found.append(given.numpy())
                done(start + len(block))
        return np.concatenate(found) if found else np.zeros(0, dtype=np.float32)

    def regions(
        self, probabilities: np.ndarray, samples: Samples, pause: Seconds | None = None
    ) -> list[Region]:
        """Regions of speech from the probabilities of a recording of `samples`; another `pause`
        than the detector's may be given."""
        from silero_vad import get_speech_timestamps_from_probs

        short = samples <= WORD * SAMPLE_RATE
        found = get_speech_timestamps_from_probs(
            probabilities.tolist(),
            sampling_rate=SAMPLE_RATE,
            min_speech_duration_ms=SHORTEST_OF_A_WORD if short else SHORTEST,
            min_silence_duration_ms=round(1000 * (self.pause if pause is None else pause)),
            audio_length_samples=samples,
        )
        return [Region(stretch["start"], stretch["end"]) for stretch in found]


def mean_power(waveform: np.ndarray) -> float:
    """The mean square of `waveform (S,)`, without a copy of it; 0 for no samples."""
    blocks = (waveform[start : start + STEP] for start in range(0, len(waveform), STEP))
    return sum(float(np.dot(block, block)) for block in blocks) / max(1, len(waveform))


def _gain(waveform: np.ndarray) -> np.float32:
    power = mean_power(waveform)
    if power == 0 or power >= 10 ** (QUIET / 10):
        return np.float32(1.0)
    return np.float32(np.sqrt(10 ** (RAISED / 10) / power))


@cache
def _weights() -> Weights:
    """The tensors of silero-vad's network for 16 kHz."""
    threads = torch.get_num_threads()
    import silero_vad

    # Its import leaves all of torch with one thread.
    torch.set_num_threads(threads)
    # Not by its `load_silero_vad`, which first imports what finds the file: a third of the time.
    file = Path(silero_vad.__file__).parent / "data" / "silero_vad.jit"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of TorchScript
        tensors = torch.jit.load(file).state_dict()
    own = "_model."
    return {name.removeprefix(own): t for name, t in tensors.items() if name.startswith(own)}


def _network(
    weights: Weights, audio: Tensor, state: tuple[Tensor, Tensor]
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Probabilities `(n,)` of `audio (64 + n · 512,)`, and the recurrent state after it."""
    frames = functional.pad(audio.unfold(0, CONTEXT + FRAME, FRAME), (0, PADDING), mode="reflect")
    basis = weights["stft.forward_basis_buffer"]
    spectrum = functional.conv1d(frames[:, None], basis, stride=128)
    real, imaginary = spectrum.chunk(2, dim=1)
    features = (real.square() + imaginary.square()).sqrt()
    for layer, stride in enumerate((1, 2, 2, 1)):
        name = f"encoder.{layer}.reparam_conv"
        kernel, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        features = functional.conv1d(features, kernel, bias, stride=stride, padding=1).relu()
    cell = [
        weights[f"decoder.rnn.{part}_{of}"] for part in ("weight", "bias") for of in ("ih", "hh")
    ]
    sequence = features.permute(0, 2, 1)  # (n, 1, 128): one feature vector is left of each frame
    output, *state_after = torch.lstm(sequence, state, cell, True, 1, 0.0, False, False, False)
    kernel, bias = weights["decoder.decoder.2.weight"], weights["decoder.decoder.2.bias"]
    logits = output[:, 0].relu() @ kernel[0, :, 0] + bias
    return logits.sigmoid(), (state_after[0], state_after[1])
