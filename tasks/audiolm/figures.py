"""Accuracy and equal error rate of the answers, beside those of the cosine."""

from typing import Any

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from joint.metrics.detection import eer
from tasks.audiolm.queries import KINDS, Queries


def cosines(embedding: Tensor, queries: Queries) -> np.ndarray:
    """Cosine of each pair, `(P,)`."""
    unit = F.normalize(embedding.detach().float().cpu())
    both = unit[queries.pairs.first] * unit[queries.pairs.second]
    found: np.ndarray = both.sum(dim=1).numpy()
    return found


def of_scores(scores: np.ndarray, labels: np.ndarray, threshold: float | None) -> dict[str, Any]:
    """`accuracy_percent` of accepting `score > threshold`, None without one, and the EER, None for
    pairs of one answer only."""
    both = bool(labels.any()) and not bool(labels.all())
    right = None if threshold is None else (scores > threshold) == labels
    return {
        "accuracy_percent": None if right is None else 100.0 * float(right.mean()),
        "eer_percent": eer(scores, labels).percent if both else None,
    }


def by_kind(ratios: np.ndarray, queries: Queries) -> dict[str, float]:
    """The accuracy in percent of each of `KINDS` of text-dependent queries."""
    assert queries.kind is not None
    kind, right = queries.kind.numpy(), (ratios > 0) == queries.answer.numpy()
    return {
        name: 100.0 * float(right[kind == number].mean())
        for number, name in enumerate(KINDS)
        if (kind == number).any()
    }


def pair_figures(ratios: Tensor, queries: Queries, embedding: Tensor) -> dict[str, float]:
    """Of a validation: `accuracy_percent`, `eer_percent`, and `cosine_eer_percent` of the voices
    with the threshold there; of text-dependent queries the accuracies of their kinds."""
    scores = ratios.detach().numpy()
    figures: dict[str, float] = of_scores(scores, queries.answer.numpy(), 0.0)
    cosine = cosines(embedding, queries)
    found = eer(cosine, queries.pairs.same.numpy())
    figures |= {"cosine_eer_percent": found.percent, "cosine_threshold": found.threshold}
    if queries.kind is not None:
        for name, accuracy in by_kind(scores, queries).items():
            figures[f"{name.replace(', ', '_').replace(' ', '_')}_percent"] = accuracy
    return figures
