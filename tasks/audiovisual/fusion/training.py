"""Trains a fusion network on kept embeddings, clean and corrupted, with modalities dropped."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.random import Generator, default_rng
from torch import Tensor

from joint.errors import DataError
from joint.losses.metric import AngularPrototypical
from joint.seeding import seed_for
from tasks.audiovisual.fusion.networks import FusionNetwork
from tasks.audiovisual.items import Items, Modality, stacked

SIDES = 2
"""Items of each person in a batch."""


@dataclass(frozen=True)
class FusionTraining:
    """How a fusion network is trained.

    Args:
        steps: of Adam; `people`: in a batch.
        rate: learning rate of attention or gate; `projection_rate`: of the projections.
        dropped: how often a person's voice, and as often the face, is missing.
        corrupted: how often a voice or face is one of the corrupted versions.
    """

    steps: int = 300
    people: int = 64
    rate: float = 1e-3
    projection_rate: float = 1e-4
    dropped: float = 0.1
    corrupted: float = 0.5


class Batch(NamedTuple):
    """Voices `(B, V)`, faces `(B, F)`, their quality `(B, Q)`, which of them are there `(B,)`, and
    of whom they are `(B,)`."""

    voice: Tensor
    face: Tensor
    quality: Tensor
    has_voice: Tensor
    has_face: Tensor
    person: Tensor


def train_fusion(
    network: FusionNetwork, versions: Sequence[Items], choices: FusionTraining, seed: int
) -> list[float]:
    """Train in place; gives back the loss of every step.

    A batch pairs the voices of people with the faces of people at random, anew in each step, so
    that no voice is tied to a face, and asks of each second item for the first of its pair, by
    scaled cosines (angular prototypical). `versions` are the same items clean and, after that,
    corrupted. Raises DataError for fewer than two people with two items.
    """
    rng = default_rng(seed_for(seed, "fusion"))
    clean = versions[0]
    rows = [np.flatnonzero(clean.person == name) for name in np.unique(clean.person)]
    rows = [own for own in rows if len(own) >= SIDES]
    if len(rows) < 2:
        raise DataError("fusion", f"{len(rows)} people with two items", "two or more")
    every = stacked(versions)
    network.normalise_by(
        torch.from_numpy(clean.voice.embeddings[clean.voice.present]),
        torch.from_numpy(clean.face.embeddings[clean.face.present]),
        torch.from_numpy(every.quality[every.voice.present & every.face.present]),
    )
    loss = AngularPrototypical(network.dim, len(rows))
    projections = [*network.project_voice.parameters(), *network.project_face.parameters()]
    known = {id(parameter) for parameter in projections}
    others = [p for p in network.parameters() if id(p) not in known]
    optimizer = torch.optim.Adam(
        [
            {"params": [*others, *loss.parameters()], "lr": choices.rate},
            {"params": projections, "lr": choices.projection_rate},
        ]
    )
    losses = []
    for _ in range(choices.steps):
        batch = draw(versions, rows, choices, rng)
        value = loss(network(*batch[:5]), batch.person)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        losses.append(float(value.detach()))
    return losses


def draw(
    versions: Sequence[Items], rows: Sequence[np.ndarray], choices: FusionTraining, rng: Generator
) -> Batch:
    """A batch of people, each the voice of one and the face of another; `rows` are the items of
    each person."""
    count = min(choices.people, len(rows))
    lost = rng.random(count)
    voice = _rows([v.voice for v in versions], rows, count, choices.corrupted, rng)
    face = _rows([v.face for v in versions], rows, count, choices.corrupted, rng)
    # never both
    has_voice = np.repeat(lost >= choices.dropped, SIDES) & voice.present
    has_face = np.repeat((lost < choices.dropped) | (lost >= 2 * choices.dropped), SIDES)
    return Batch(
        torch.from_numpy(voice.embeddings).float(),
        torch.from_numpy(face.embeddings).float(),
        torch.from_numpy(np.hstack([voice.quality, face.quality])).float(),
        torch.from_numpy(has_voice),
        torch.from_numpy(has_face & face.present),
        torch.arange(count).repeat_interleave(SIDES),
    )


def _rows(
    versions: Sequence[Modality],
    rows: Sequence[np.ndarray],
    count: int,
    corrupted: float,
    rng: Generator,
) -> Modality:
    """Two items each of `count` people, some of them corrupted."""
    people = rng.permutation(len(rows))[:count]
    drawn = np.concatenate([rng.choice(rows[person], SIDES, replace=False) for person in people])
    bad = rng.random(len(drawn)) < corrupted
    version = np.where(bad, rng.integers(min(1, len(versions) - 1), len(versions), len(drawn)), 0)
    pairs = list(zip(version, drawn, strict=True))
    return Modality(
        np.stack([versions[v].embeddings[row] for v, row in pairs]),
        np.stack([versions[v].quality[row] for v, row in pairs]),
        np.array([versions[v].present[row] for v, row in pairs]),
    )
