"""Fits a density to the embeddings of speakers by maximum likelihood."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from joint.errors import DataError
from joint.seeding import seed_for, seeded
from joint.training.progress import shown
from tasks.generation.density import VoiceDensity
from tasks.generation.space import EmbeddingSpace
from tasks.generation.speakers import Levels, Speaker, accents_of
from tasks.generation.vocabulary import ACCENT, VALUES, Description, Vocabulary

TEXTS, PARTS = 32, 16
"""Of each speaker: descriptions, and embeddings of a part of the recordings, that are drawn from.
"""
HELD_OUT_TEXTS = 16


@dataclass(frozen=True)
class Fitting:
    """How a density is fitted.

    Attributes:
        components: principal components of the embeddings.
        axes: of them, those that the density models; the others are Gaussian.
        steps: at most so many, each of all speakers.
        rate: of the optimizer Adam.
        decay: weight decay.
        look: steps between evaluations on held-out speakers; the best step is kept.
    """

    components: int = 32
    axes: int = 8
    steps: int = 400
    rate: float = 0.003
    decay: float = 0.01
    look: int = 20


def fit_density(
    settings: dict[str, Any],
    speakers: Sequence[Speaker],
    held_out: Sequence[Speaker],
    fitting: Fitting,
    seed: int = 0,
    progress: bool = False,
) -> tuple[VoiceDensity, Levels, dict[str, float]]:
    """Fit by maximum likelihood: a density of the speakers' typical embeddings, the levels of its
    descriptions, and figures, which are mean log-likelihoods in nats of `speakers` and of
    `held_out`, beside those of one Gaussian of the same components without descriptions.

    Every step draws for each speaker a description that says a part of what is known, and the
    typical embedding of a half of the recordings or of all. Raises DataError for too few speakers,
    none held out, or people who are in both.
    """
    if both := {s.name for s in speakers} & {s.name for s in held_out}:
        raise DataError("held-out speakers", f"{min(both)}, as among the others", "other people")
    if not held_out:
        raise DataError("held-out speakers", "none", "some, by whom the best step is chosen")
    levels, vocabulary = Levels.of(speakers), Vocabulary(accents_of(speakers))
    typical, unknown = (_stacked([s.typical for s in part]) for part in (speakers, held_out))
    rng = np.random.default_rng(seed_for(seed, "fit"))
    texts = [_texts(s, levels, vocabulary, rng, TEXTS) for s in speakers]
    asked = [_texts(s, levels, vocabulary, rng, HELD_OUT_TEXTS) for s in held_out]
    flat = [text for own in asked for text in own]
    with seeded(seed, "density"):
        space = EmbeddingSpace.fit(
            typical, fitting.components, fitting.axes, _labels(speakers, levels)
        )
        density = VoiceDensity(space, vocabulary, settings)
        density.condition.learn(rng)
    parts = torch.stack([_part(speakers, rng) for _ in range(PARTS)])
    everybody = torch.arange(len(speakers))
    with torch.no_grad():
        z = space(typical)[0].repeat_interleave(TEXTS, dim=0)
        density.density.start(z, density.condition([text for own in texts for text in own]))
    learnt = [p for p in density.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learnt, fitting.rate, weight_decay=fitting.decay)
    best, taken, kept = -float("inf"), 0, copy.deepcopy(density.state_dict())
    for step in shown(range(fitting.steps), "fitting", progress):
        drawn = [own[rng.integers(TEXTS)] for own in texts]
        rows = parts[torch.from_numpy(rng.integers(PARTS, size=len(speakers))), everybody]
        loss = -density.log_prob(rows, drawn).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(density.parameters(), 5.0)
        optimizer.step()
        if step % fitting.look == fitting.look - 1:
            found = _likelihood(density, unknown.repeat_interleave(HELD_OUT_TEXTS, dim=0), flat)
            if found > best:
                best, kept, taken = found, copy.deepcopy(density.state_dict()), step + 1
    density.load_state_dict(kept)
    known = _likelihood(density, typical, [own[0] for own in texts])
    plain = [float(_gaussian(space, rows)) for rows in (typical, unknown)]
    figures = {
        "speakers": len(speakers),
        "held_out_speakers": len(held_out),
        "steps": taken,
        "log_likelihood": known,
        "held_out_log_likelihood": best,
        "gaussian_log_likelihood": plain[0],
        "gaussian_held_out_log_likelihood": plain[1],
    }
    return density.eval(), levels, figures


def _texts(
    speaker: Speaker, levels: Levels, vocabulary: Vocabulary, rng: np.random.Generator, count: int
) -> list[Description]:
    attributes = {
        name: value
        for name, value in levels.attributes(speaker).items()
        if value in vocabulary.values.get(name, ())
    }
    return [vocabulary.described(attributes, rng) for _ in range(count)]


def _labels(speakers: Sequence[Speaker], levels: Levels) -> Tensor:
    """One column for each attribute that varies, `(N, L)`; 0.5 where it is not known."""
    known = [levels.attributes(speaker) for speaker in speakers]
    columns = []
    for name in (*VALUES, ACCENT):
        values = sorted({own[name] for own in known if name in own})
        for value in values[1:]:
            has = [0.5 if name not in own else float(own[name] == value) for own in known]
            columns.append(torch.tensor(has))
    return torch.stack(columns, dim=1) if columns else torch.zeros(len(known), 0)


def _part(speakers: Sequence[Speaker], rng: np.random.Generator) -> Tensor:
    """Typical embeddings `(N, E)` of a random part of each speaker's recordings."""
    found = []
    for speaker in speakers:
        count = len(speaker.embeddings)
        rows = rng.permutation(count)[: rng.integers((count + 1) // 2, count + 1)]
        found.append(Speaker(speaker.name, speaker.embeddings[rows]).typical)
    return _stacked(found)


def _stacked(rows: Sequence[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(rows))


@torch.no_grad()
def _likelihood(density: VoiceDensity, rows: Tensor, texts: Sequence[Description]) -> float:
    return float(density.log_prob(rows, texts).mean())


def _gaussian(space: EmbeddingSpace, rows: Tensor) -> Tensor:
    """Mean log-likelihood of one standard Gaussian of the whitened components."""
    z, rest = space(rows)
    normal = torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(dim=1)
    return (normal + rest).mean()
