"""Probes with one hidden layer, trained for all layers and folds at once."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from analysis.probing.folds import Fold
from analysis.probing.linear import Kind, Spectra, Spectrum

HIDDEN, STEPS, LOOK = 32, 100, 10
"""Units, training steps, and steps between evaluations on the held-out part."""


def mlp_answers(
    spectra: Spectra, folds: Sequence[Fold], y: Tensor, kind: Kind
) -> dict[str, Tensor]:
    """As `linear_answers`, by networks with early stopping: each fold holds out the test part of
    the next fold and keeps the answers of the step with the lowest error there."""
    centre, spread = y.mean(dim=0), y.std(dim=0).clamp(min=1e-6)
    wanted = ((y - centre) / spread if kind == "numbers" else y).float()
    parts = [part for own in spectra.values() for part in own]
    width = min(part.whitened()[0].shape[1] for part in parts)
    inputs = torch.stack(
        [
            _placed(part, fold, len(y), width)
            for own in spectra.values()
            for part, fold in zip(own, folds, strict=True)
        ]
    )
    training, held = (
        torch.stack([w.float() for w in weights] * len(spectra))
        for weights in zip(*(_weights(i, folds, y, kind) for i in range(len(folds))), strict=True)
    )
    network = _Networks(len(parts), width, y.shape[1])
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2, weight_decay=0.1)
    # before the first step every answer is the mean, and stays so where nothing generalises
    answers = torch.zeros(len(parts), *y.shape)
    best = (_errors(answers, wanted, kind) * held).sum(dim=(1, 2))
    for step in range(STEPS):
        errors = _errors(network(inputs), wanted, kind)
        loss = ((errors * training).sum(dim=(1, 2)) / training.sum(dim=(1, 2))).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % LOOK == LOOK - 1:
            with torch.no_grad():
                found = network.eval()(inputs)
                network.train()
                own = (_errors(found, wanted, kind) * held).sum(dim=(1, 2))
            better = own < best
            best[better], answers[better] = own[better], found[better]
    if kind == "presence":
        answers = answers.sigmoid()
    if kind == "numbers":
        answers = answers * spread.float() + centre.float()
    each = answers.double().unflatten(0, (len(spectra), len(folds)))
    return {layer: _tested(own, folds, y) for layer, own in zip(spectra, each, strict=True)}


def _placed(part: Spectrum, fold: Fold, count: int, width: int) -> Tensor:
    """The fold's vectors at the positions of all items, `(count, width)`."""
    train, test = part.whitened()
    placed = torch.zeros(count, width)
    placed[fold.train], placed[fold.test] = train[:, :width].float(), test[:, :width].float()
    return placed


def _weights(number: int, folds: Sequence[Fold], y: Tensor, kind: Kind) -> tuple[Tensor, Tensor]:
    """Weights of each answer in training and on the held-out part, `(n, c)` each, which balance
    classes, and yes and no."""
    train = folds[number].train
    later = np.isin(train, folds[(number + 1) % len(folds)].test)
    found = []
    for chosen in (train[~later], train[later]):
        weight, own = torch.zeros_like(y), y[chosen]
        share = own.mean(dim=0)
        if kind == "numbers":
            weight[chosen] = 1.0
        elif kind == "classes":
            weight[chosen] = 1.0 / share.clamp(min=1e-3)
        else:
            yes, no = 0.5 / share.clamp(min=1e-3), 0.5 / (1.0 - share).clamp(min=1e-3)
            weight[chosen] = torch.where(own > 0.5, yes, no)
        found.append(weight)
    return found[0], found[1]


def _errors(scores: Tensor, target: Tensor, kind: Kind) -> Tensor:
    """The loss of every answer, `(…, n, c)`."""
    if kind == "classes":
        return -scores.log_softmax(dim=-1) * target
    if kind == "presence":
        both = target.expand_as(scores)
        return F.binary_cross_entropy_with_logits(scores, both, reduction="none")
    return (scores - target).square()


def _tested(answers: Tensor, folds: Sequence[Fold], y: Tensor) -> Tensor:
    """From `(folds, n, c)`, each item's answer by the fold that tests it, `(n, c)`."""
    found = torch.empty_like(y)
    for own, fold in zip(answers, folds, strict=True):
        found[fold.test] = own[fold.test]
    return found


class _Networks(nn.Module):
    """Independent networks in one module: input dropout, a hidden layer, an output layer."""

    def __init__(self, count: int, width: int, outputs: int) -> None:
        super().__init__()
        self.generator = torch.Generator().manual_seed(0)
        first = torch.randn(count, width, HIDDEN, generator=self.generator) * width**-0.5
        self.first, self.first_bias = (
            nn.Parameter(first),
            nn.Parameter(first.new_zeros(count, 1, HIDDEN)),
        )
        self.last = nn.Parameter(first.new_zeros(count, HIDDEN, outputs))
        self.last_bias = nn.Parameter(first.new_zeros(count, 1, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """`(networks, n, k)` → `(networks, n, c)`; dropout is the same for all items."""
        if self.training:
            kept = torch.rand(len(x), 1, x.shape[2], generator=self.generator) > 0.2
            x = x * (kept / 0.8)
        hidden = F.relu(torch.baddbmm(self.first_bias, x, self.first))
        return torch.baddbmm(self.last_bias, hidden, self.last)
