"""Powerset classes: which of a few speakers are active in a frame, as one class."""

from itertools import combinations, permutations

import torch
from torch import Tensor


class Powerset:
    """Sets of at most `at_once` of `speakers`, each a class: none, one alone, two together, …

    Plaquet and Bredin, "Powerset multi-class cross entropy loss for neural speaker diarization",
    Interspeech 2023, §2. With three speakers, two of them at once at most: 1 + 3 + 3 classes.

    `members (C, N)` bool says who is in each class; `orders (P, N)` are all permutations of the
    speakers, and `permuted (P, C)` the class of each set whose speakers are renumbered so: speaker
    n becomes `orders[p, n]`.
    """

    def __init__(self, speakers: int = 3, at_once: int = 2) -> None:
        sets = [
            frozenset(chosen)
            for size in range(at_once + 1)
            for chosen in combinations(range(speakers), size)
        ]
        self.speakers, self.at_once, self.classes = speakers, at_once, len(sets)
        self.members = torch.tensor([[n in own for n in range(speakers)] for own in sets])
        self.orders = torch.tensor(list(permutations(range(speakers))))
        self.permuted = torch.tensor(
            [
                [sets.index(frozenset(order[n] for n in own)) for own in sets]
                for order in self.orders.tolist()
            ]
        )

    def encode(self, active: Tensor) -> Tensor:
        """The class of each frame of `active (…, N)` bool, `(…)` int64; −1 where more than
        `at_once` are active."""
        same = (active.unsqueeze(-2) == self.members.to(active.device)).all(dim=-1)
        return torch.where(same.any(dim=-1), same.int().argmax(dim=-1), -1)

    def decode(self, classes: Tensor) -> Tensor:
        """Who is active in frames of `classes (…)`: bool `(…, N)`."""
        return self.members.to(classes.device)[classes]


def permutation_invariant(
    logits: Tensor, classes: Tensor, mask: Tensor, powerset: Powerset
) -> tuple[Tensor, Tensor]:
    """Cross-entropy of each window under the order of its speakers that makes it least.

    Args:
        logits: `(B, F, C)`.
        classes: of the reference, `(B, F)`.
        mask: true on the frames that count, `(B, F)`.

    Gives the sums over the frames, `(B,)`, and the classes of the reference in that order,
    `(B, F)`.
    """
    costs = -logits.log_softmax(dim=-1)
    known = classes.clamp(min=0)
    orders = powerset.permuted.to(logits.device)
    sums = torch.stack(
        [
            costs.gather(-1, order[known].unsqueeze(-1)).squeeze(-1).masked_fill(~mask, 0.0).sum(1)
            for order in orders
        ]
    )
    best, chosen = sums.min(dim=0)
    return best, orders[chosen].gather(1, known)
