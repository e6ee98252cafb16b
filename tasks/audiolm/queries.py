"""Recordings as a query has them, and queries for voice and words together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Generator, Tensor

from joint.errors import ConfigError
from tasks.audiolm.pairs import Pairs
from tasks.audiolm.prompts import shortened

KINDS = ("same speaker, same words", "same speaker, other words", "other speaker")
"""Of text-dependent queries; the answer is yes to the first alone."""


@dataclass(frozen=True)
class Recordings:
    """`embedding (N, E)`; `waveform (N, S)` with `lengths (N,)` in Samples, and `words`, N texts,
    where they are read."""

    embedding: Tensor
    waveform: Tensor | None = None
    lengths: Tensor | None = None
    words: tuple[str, ...] | None = None

    def rows(self, index: Tensor) -> "Recordings":
        """Those of `index (P,)`."""
        return Recordings(
            self.embedding[index.to(self.embedding.device)],
            None if self.waveform is None else self.waveform[index.to(self.waveform.device)],
            None if self.lengths is None else self.lengths[index.to(self.lengths.device)],
            None if self.words is None else tuple(self.words[i] for i in index.tolist()),
        )


def joined(parts: Sequence[Recordings]) -> Recordings:
    """One table of several whose waveforms are equally long."""
    given = [part for part in parts if part.waveform is not None and part.lengths is not None]
    return Recordings(
        torch.cat([part.embedding for part in parts]),
        torch.cat([p.waveform for p in given if p.waveform is not None]) if given else None,
        torch.cat([p.lengths for p in given if p.lengths is not None]) if given else None,
        None if parts[0].words is None else tuple(w for p in parts for w in p.words or ()),
    )


@dataclass(frozen=True)
class Queries:
    """Pairs of recordings, the words `asked` for in the second (None: any), whether the `answer
    (P,)` is yes, and of which of `KINDS (P,)` each is (None for pairs of voices alone)."""

    pairs: Pairs
    answer: Tensor
    asked: tuple[str, ...] | None = None
    kind: Tensor | None = None

    def __len__(self) -> int:
        return len(self.pairs)


def about_voices(pairs: Pairs) -> Queries:
    """Whether the speakers are the same, whatever the words are."""
    return Queries(pairs, pairs.same)


def about_words_too(pairs: Pairs, words: tuple[str, ...], generator: Generator) -> Queries:
    """Half of the answers are yes, as among the `pairs`; every second pair of two speakers becomes
    one of the same speaker in which other words were asked for, those of a recording whose text
    differs in the part that is compared. `words` has the text of each recording.

    Raises ConfigError where all texts are the same.
    """
    texts = [shortened(text) for text in words]
    distinct = sorted(set(texts))
    if len(distinct) < 2:
        raise ConfigError("words", f"{len(distinct)} texts", "two or more")
    half = len(pairs) // 2
    turned = ~pairs.same & (torch.arange(len(pairs)) % 2 == 0)
    partner = torch.arange(len(pairs)) - half * (~pairs.same).long()
    second = torch.where(turned, pairs.second[partner], pairs.second)
    asked = [words[row] for row in second.tolist()]
    for place in turned.nonzero()[:, 0].tolist():
        own = distinct.index(shortened(asked[place]))
        step = 1 + int(torch.randint(len(distinct) - 1, (), generator=generator))
        asked[place] = distinct[(own + step) % len(distinct)]
    kind = torch.where(turned, 1, torch.where(pairs.same, 0, 2))
    changed = replace(pairs, second=second, same=pairs.same | turned, hard=pairs.hard & ~turned)
    return Queries(changed, kind == 0, tuple(asked), kind)
