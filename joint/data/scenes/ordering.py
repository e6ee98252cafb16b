"""The order in which an epoch visits a corpus: a function of seed and epoch."""

from functools import lru_cache

import numpy as np
from numpy.random import default_rng

from joint.data.corpus import Corpus

POOL = 20
"""Batches' worth of utterances that are sorted by length together."""


def visiting_order(corpus: Corpus, similar: int, seed: int, epoch: int) -> np.ndarray:
    """The order in which an epoch visits the corpus's utterances; see `order_by_length`."""
    if similar == 1:
        return epoch_order(corpus, seed, epoch)
    return order_by_length(corpus, similar, seed, epoch)


@lru_cache(maxsize=4)
def order_by_length(corpus: Corpus, similar: int, seed: int, epoch: int) -> np.ndarray:
    """An epoch's order in which so many utterances in a row as `similar` have similar lengths: a
    pool of many is sorted and cut up, then the pieces are shuffled."""
    order = epoch_order(corpus, seed, epoch)
    pool = POOL * similar
    pieces = []
    for first in range(0, len(order), pool):
        some = order[first : first + pool]
        some = some[np.argsort([corpus.utterances[u].samples for u in some], kind="stable")]
        pieces += np.split(some, range(similar, len(some), similar))
    whole = [piece for piece in pieces if len(piece) == similar]
    rest = [piece for piece in pieces if len(piece) < similar]  # last, so that rows stay in step
    shuffled = default_rng((seed, epoch, 4)).permutation(len(whole))
    return np.concatenate([*(whole[i] for i in shuffled), *rest])


@lru_cache(maxsize=4)
def epoch_order(corpus: Corpus, seed: int, epoch: int) -> np.ndarray:
    """The utterances that an epoch visits, in a random order."""
    return default_rng((seed, epoch, 0)).permutation(corpus.visited(seed, epoch))
