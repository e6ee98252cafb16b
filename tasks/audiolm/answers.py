"""Yes and no by the probabilities of their tokens, rather than from generated text."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from joint.errors import ConfigError

SPELLINGS = {True: ("yes", "Yes", " yes", " Yes"), False: ("no", "No", " no", " No")}
"""How a language model may begin an answer."""


class Probabilities(NamedTuple):
    """Of each next token `(B,)`: that it means yes, that it means no, and of all other tokens."""

    yes: Tensor
    no: Tensor
    other: Tensor


@dataclass(frozen=True)
class AnswerTokens:
    """The ids of the tokens that mean `yes`, and of those that mean `no`."""

    yes: tuple[int, ...]
    no: tuple[int, ...]

    @classmethod
    def of(cls, encode: Callable[[str], Sequence[int]], where: str) -> "AnswerTokens":
        """Those of a tokenizer, which `encode` asks: every spelling that is a single token.

        Raises ConfigError for a vocabulary without either.
        """
        found = {}
        for answer, spellings in SPELLINGS.items():
            ids = [tuple(encode(spelling)) for spelling in spellings]
            found[answer] = tuple(dict.fromkeys(i[0] for i in ids if len(i) == 1))
        if not (found[True] and found[False]) or set(found[True]) & set(found[False]):
            raise ConfigError(where, "no token for yes and one for no", "a vocabulary with both")
        return cls(found[True], found[False])

    @property
    def ids(self) -> list[int]:
        """All of them, those of yes first."""
        return [*self.yes, *self.no]

    def log_ratio(self, logits: Tensor) -> Tensor:
        """log P(yes) − log P(no), `(B,)`, of `logits (B, yes + no)` of `ids` alone: the softmax
        over the other tokens cancels (Thebaud et al. 2026)."""
        yes, no = logits.float().split([len(self.yes), len(self.no)], dim=1)
        return yes.logsumexp(dim=1) - no.logsumexp(dim=1)

    def probabilities(self, logits: Tensor) -> Probabilities:
        """Of `logits (B, V)` of the whole vocabulary; the three sum to 1."""
        p = logits.float().softmax(dim=1)
        yes, no = p[:, list(self.yes)].sum(dim=1), p[:, list(self.no)].sum(dim=1)
        others = torch.ones(p.shape[1], dtype=torch.bool, device=p.device)
        others[self.ids] = False
        return Probabilities(yes, no, p[:, others].sum(dim=1))
