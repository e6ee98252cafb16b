"""Trained parts of the classic systems: each is trained once and kept in the output folder as
safetensors."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from zlib import crc32

import numpy as np
import torch
from torch import Tensor

from joint.data.corpus import Corpus
from joint.data.scenes.augmentation import own_channel
from joint.training import checkpoint
from tasks.verification.classic.factor_analysis import JointFactorAnalysis
from tasks.verification.classic.features import Cepstra, Normalization, Speech, read_speech
from tasks.verification.classic.gmm import Gmm, Statistics
from tasks.verification.classic.supervectors import (
    SupervectorSvm,
    nuisance_directions,
    supervectors,
)
from tasks.verification.classic.total_variability import Subspace
from tasks.verification.classic.vq import VqCodebooks


@dataclass(frozen=True)
class Sizes:
    """Sizes of the systems, chosen on the held-out speakers, except `background`, `top`, `every`,
    `nuisance`, the numbers of iterations and the seed, which were not varied."""

    normalize: Normalization = "level"
    channel_share: float = 0.5  # of the training utterances get a random channel
    codewords: int = 16
    background: int = 64
    components: int = 128
    ubm_iterations: int = 10
    every: int = 3  # neighbouring frames overlap: every third is enough
    relevance: float = 16.0
    top: int = 5
    dimensions: int = 200
    lda: int = 50
    voices: int = 100
    channels: int = 20
    nuisance: int = 40
    iterations: int = 8
    seed: int = 1


@dataclass
class Parts:
    """All parts of one output folder; each is trained or loaded on first use."""

    sizes: Sizes
    train: Corpus
    output: Path

    @cached_property
    def cepstra(self) -> Cepstra:
        """The front-end of all systems."""
        return Cepstra(normalize=self.sizes.normalize)

    @cached_property
    def speech(self) -> Speech:
        """Speech frames of the training speakers."""
        return read_speech(self.cepstra, self.train, change=self.augmented, progress=True)

    @cached_property
    def speakers(self) -> np.ndarray:
        """The speaker of each training utterance."""
        return np.array([self.train.by_id[name].speaker for name in self.speech.names])

    @cached_property
    def cohort(self) -> Speech:
        """The first utterance of every training speaker."""
        return self.speech.select(np.unique(self.speakers, return_index=True)[1])

    @cached_property
    def vq(self) -> VqCodebooks:
        """The background codebook."""
        sizes = self.sizes

        def train() -> dict[str, Tensor]:
            frames = self.speech.frames[:: 10 * sizes.every]
            found = VqCodebooks.fit(frames, sizes.codewords, sizes.background)
            return {"deviation": found.deviation, "background": found.background}

        return VqCodebooks(**self._kept("vq", train), size=sizes.codewords)

    @cached_property
    def ubm(self) -> Gmm:
        """The universal background model."""

        def train() -> dict[str, Tensor]:
            frames = self.speech.frames[:: self.sizes.every]
            sizes = self.sizes
            return vars(Gmm.fit(frames, sizes.components, sizes.ubm_iterations, progress=True))

        return Gmm(**self._kept("ubm", train))

    @cached_property
    def statistics(self) -> Statistics:
        """Baum-Welch statistics of the training utterances."""
        return self.ubm.statistics(self.speech.utterances())

    @cached_property
    def subspace(self) -> Subspace:
        """The total variability subspace."""
        sizes = self.sizes

        def train() -> dict[str, Tensor]:
            options = sizes.dimensions, sizes.iterations, sizes.seed
            return vars(Subspace.fit(self.statistics, *options, progress=True))

        return Subspace(**self._kept("ivector", train))

    @cached_property
    def factors(self) -> JointFactorAnalysis:
        """Eigenvoices, eigenchannels and the diagonal residual."""
        sizes = self.sizes

        def train() -> dict[str, Tensor]:
            found = JointFactorAnalysis.fit(
                self.statistics,
                self.speakers,
                sizes.voices,
                sizes.channels,
                sizes.iterations,
                sizes.seed,
                True,
            )
            return {
                "speaker": found.speaker.loading,
                "channel": found.channel.loading,
                "residual": found.residual,
            }

        found = self._kept("jfa", train)
        subspaces = Subspace(found["speaker"]), Subspace(found["channel"])
        return JointFactorAnalysis(*subspaces, found["residual"])

    @cached_property
    def svm(self) -> SupervectorSvm:
        """Supervectors, of all recordings of each training speaker together, and the directions
        that are projected away."""
        relevance = self.sizes.relevance

        def train() -> dict[str, Tensor]:
            vectors = supervectors(self.ubm, self.statistics, relevance)
            groups = np.unique(self.speakers, return_inverse=True)[1]
            pooled = self.statistics.pooled(torch.from_numpy(groups))
            return {
                "background": supervectors(self.ubm, pooled, relevance),
                "nuisance": nuisance_directions(vectors, self.speakers, self.sizes.nuisance),
            }

        kept = self._kept("svm", train)
        return SupervectorSvm(self.ubm, kept["background"], kept["nuisance"], relevance)

    @cached_property
    def training_ivectors(self) -> np.ndarray:
        """The i-vectors `(n, R)` of the training utterances."""
        return self.subspace.factors(self.statistics).numpy()

    def augmented(self, waveform: np.ndarray) -> np.ndarray:
        """A training recording `(S,)`, with or without a random channel, the same in every run."""
        drawn = crc32(waveform[::2].tobytes()) / 2**32
        return own_channel(waveform) if drawn < self.sizes.channel_share else waveform

    def cost(self, *names: str) -> tuple[int, float]:
        """Parameters of these parts, and the seconds of their training without feature
        extraction."""
        read = [checkpoint.read(self._path(name)) for name in names]
        parameters = sum(tensor.numel() for tensors, _ in read for tensor in tensors.values())
        return parameters, sum(metadata["seconds"] for _, metadata in read)

    def _kept(self, name: str, train: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
        path = self._path(name)
        if not path.is_file():
            self.speech  # noqa: B018  reading the corpus is not timed
            start = time.perf_counter()
            with torch.inference_mode():
                tensors = train()
            checkpoint.write(path, tensors, {"seconds": time.perf_counter() - start})
        return checkpoint.read(path)[0]

    def _path(self, name: str) -> Path:
        return self.output / f"{name}.safetensors"
