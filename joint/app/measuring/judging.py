"""Encoders from outside that judge the similarity of voices."""

from collections.abc import Sequence

import numpy as np
import torch

from joint.app.api import load
from joint.encoders.recordings import embed_recordings
from joint.synthesis.evaluation.instruments import Embed
from pretrained.resemblyzer_package import PACKAGE, packaged_encoder, without_silences


def open_judge(name: str, device: str = "cpu") -> Embed:
    """The encoder of a judge: `resemblyzer`, from its package and with its preprocessing, or the
    encoder of any checkpoint that `joint.load` accepts.

    Raises JointError where a package is not installed, CheckpointError for what is no checkpoint.
    """
    if name != PACKAGE:
        return load(name, device, tasks=()).embed_waveforms
    encoder = packaged_encoder().to(device)
    without_silences(np.zeros(1, np.float32))  # fails at once where webrtcvad is missing

    def embedded(audio: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        batch = torch.from_numpy(audio).to(device), torch.from_numpy(lengths).to(device)
        with torch.inference_mode():
            embeddings: np.ndarray = encoder(*batch).embedding.numpy(force=True)
        return embeddings

    def embed(waveforms: Sequence[np.ndarray]) -> np.ndarray:
        trimmed = [without_silences(waveform) for waveform in waveforms]
        return embed_recordings(embedded, trimmed, encoder.embedding_dim)

    return embed
