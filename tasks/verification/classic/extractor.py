"""Embeddings from Baum-Welch statistics: i-vectors, and the inputs of JFA scoring."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tasks.verification.classic.features import Cepstra, Speech
from tasks.verification.classic.gmm import Gmm, Statistics
from tasks.verification.embedding import EmbeddedFiles


@dataclass(frozen=True)
class StatisticsExtractor:
    """An `Embed`: cepstra, their statistics under `ubm`, and `encode` from those to embeddings.

    `encode` is `Subspace.factors` for i-vectors, `JointFactorAnalysis.embed` for JFA.
    """

    cepstra: Cepstra
    ubm: Gmm
    encode: Callable[[Statistics], Tensor]

    @torch.inference_mode()
    def __call__(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """Waveforms `(S,)` → `(n, E)`; raises AudioError for one without speech."""
        frames = (self.cepstra(waveform) for waveform in waveforms)
        return self.encode(self.ubm.statistics(frames)).numpy()

    @torch.inference_mode()
    def of_speech(self, speech: Speech) -> EmbeddedFiles:
        """The embeddings of speech frames that were computed before."""
        embeddings = self.encode(self.ubm.statistics(speech.utterances())).numpy()
        return EmbeddedFiles(speech.names, embeddings, speech.seconds, speech.skipped)
