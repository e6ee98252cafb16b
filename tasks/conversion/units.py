"""Units: frames of an encoder's or of an SSL network's layer, clustered by k-means."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from torch import Tensor

from joint.data.corpus import Utterance, readable
from joint.errors import DataError
from joint.files import atomic_path
from joint.synthesis.level import levelled
from joint.synthesis.mel import MELS, frames_of
from joint.task import Encode
from tasks.conversion.content.base import Speech, instance_normalised
from tasks.conversion.content.features import FrameFeatures

EVERY = 3
"""One frame of so many is clustered: neighbours hardly differ."""
KIND = "units"


@dataclass(frozen=True)
class Codebook:
    """The `centroids (count, D)`, float32, of a `layer`, whose features are normalised over each
    recording."""

    centroids: np.ndarray
    layer: str

    def save(self, path: str | Path) -> None:
        """Write a safetensors file."""
        with atomic_path(path) as temporary:
            save_file({KIND: self.centroids}, temporary, metadata={"layer": self.layer})

    @classmethod
    def load(cls, path: str | Path) -> "Codebook":
        """Read what `save` wrote. Raises DataError for anything else."""
        expected = "a codebook that `joint units` wrote"
        if not Path(path).is_file():
            raise DataError(path, "no such file", expected)
        try:
            with safe_open(path, framework="np") as file:
                names = list(file.keys())
                if KIND not in names:
                    raise DataError(path, f"tensors {', '.join(names) or 'none'}", expected)
                layer = (file.metadata() or {}).get("layer", "")
                return cls(file.get_tensor(KIND), layer)
        except SafetensorError as error:
            raise DataError(path, str(error), expected) from None


def fit_units(frames: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """The `count` centroids `(count, D)` of `frames (n, D)` by k-means in small batches (Sculley,
    WWW 2010), in the order of their first channel, so that the order tells nothing of the seed.

    Raises DataError for fewer frames than units.
    """
    from sklearn.cluster import MiniBatchKMeans

    if len(frames) < count:
        raise DataError("frames", str(len(frames)), f"{count}, one for each unit, or more")
    fitted = MiniBatchKMeans(count, batch_size=4096, n_init=3, random_state=seed).fit(frames)
    found: np.ndarray = fitted.cluster_centers_.astype(np.float32)
    return found[np.argsort(found[:, 0], kind="stable")]


@torch.inference_mode()
def frames_of_layer(
    utterances: Iterable[Utterance],
    features: FrameFeatures,
    encode: Encode | None = None,
    device: torch.device | str = "cpu",
) -> np.ndarray:
    """Frames `(n, D)` of the utterances, normalised over each; those that cannot be read are left
    out and logged. Raises DataError where none is left."""
    found = []
    for _, waveform in readable(utterances):
        speech = speech_of(torch.from_numpy(waveform).to(device), encode)
        frames = instance_normalised(features(speech), speech.mask)[0, ::EVERY]
        found.append(frames.cpu().numpy())
    if not found:
        raise DataError("utterances", "none that can be read", "at least one")
    return np.concatenate(found)


def speech_of(waveform: Tensor, encode: Encode | None = None) -> Speech:
    """One recording `(S,)`, for contents that do not read its spectrogram."""
    sound = levelled(waveform[None])
    count = frames_of(len(waveform))
    length = torch.tensor([len(waveform)], device=sound.device)
    mel, mask = sound.new_zeros(1, count, MELS), sound.new_ones(1, count, 1)
    return Speech(sound, length, mel, mask, encode=encode)
