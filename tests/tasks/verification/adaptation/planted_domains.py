"""Two domains that differ in what is known, for tests of adaptation."""

from dataclasses import replace

import torch
from tiny_models import encoding_of
from torch import Tensor, nn

from joint.data.corpus import Corpus, Utterance
from joint.data.joined import JoinedCorpus
from joint.outputs import SpeakerEncoding
from joint.scene import SceneBatch

COUNT, SAMPLES, DIM = 64, 8, 4
"""Recordings of each domain, which are a few numbers each, and dimensions of an embedding."""


def corpora(names: tuple[str, str] = ("source", "target")) -> JoinedCorpus:
    """Corpora of as many utterances, of which no recording is read."""
    return JoinedCorpus(
        {
            name: Corpus(
                [Utterance(f"u{i:02d}", f"{name}{i}", f"s{i % 8}") for i in range(COUNT)], name
            )
            for name in names
        }
    )


class Projection(nn.Module):
    """An encoder that is one linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(SAMPLES, DIM)
        self.norm = nn.BatchNorm1d(SAMPLES, affine=False)

    def forward(self, audio: Tensor, lengths: Tensor) -> SpeakerEncoding:
        """`(n, 8)` → embeddings `(n, 4)`; in training the norm counts what it sees."""
        if self.training:
            self.norm(audio)
        return encoding_of(self.layer(audio))


def recordings(domain: Tensor, seed: int, enrolled: int = 1) -> Tensor:
    """`(B, K, 8)`, of which those of the target domain, where `domain (B,)` is True, are moved."""
    generator = torch.Generator().manual_seed(seed)
    audio = torch.randn(len(domain), enrolled, SAMPLES, generator=generator)
    shift = torch.linspace(1.0, 2.0, SAMPLES)
    return audio + domain[:, None, None] * shift


def mixed_batch(seed: int, scenes: int = 48, enrolled: int = 1) -> SceneBatch:
    """A batch of both domains, in the order of `corpora`."""
    generator = torch.Generator().manual_seed(1000 + seed)
    utterance = torch.randperm(2 * COUNT, generator=generator)[:scenes]
    lengths = torch.full((scenes, enrolled), SAMPLES)
    return SceneBatch(
        scene_ids=[str(i) for i in range(scenes)],
        enrollment=recordings(utterance >= COUNT, seed, enrolled),
        enrollment_lengths=lengths,
        utterance=utterance[:, None].expand(-1, enrolled),
        speaker=(utterance % 8)[:, None].expand(-1, enrolled),
    )


def of_one_domain(batch: SceneBatch) -> SceneBatch:
    """The same batch, as if all of it were of the source domain."""
    assert batch.utterance is not None
    return replace(batch, utterance=batch.utterance % COUNT)
