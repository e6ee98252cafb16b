"""The least mean cosine of one speaker's windows, chosen on conversations of held-out speakers."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.random import Generator, default_rng

from joint.conversation.clustering import Embed, number_of_speakers
from joint.data.corpus import Corpus
from joint.units import Samples
from tasks.diarization.pipeline import Diarizer
from tasks.diarization.segments import Region

SPEAKERS = (1, 2, 3, 4)
TURNS = 3
"""Utterances of each speaker."""
GRID = np.round(np.arange(0.05, 0.71, 0.025), 3)


class Choice(NamedTuple):
    """The threshold, and the share of conversations whose number of speakers it finds."""

    threshold: float
    right: float


def choose_threshold(
    embed: Embed, corpora: Sequence[Corpus], conversations: int = 24, seed: int = 0
) -> Choice:
    """The threshold of GRID at which the number of speakers is right most often, equally often in
    each corpus's conversations of one to four people without overlap; of several equally good ones
    the middle."""
    rng = default_rng(seed)
    right = np.zeros(len(GRID))
    for corpus in corpora:
        diarizer = Diarizer(embed)
        for number in range(conversations):
            speakers = min(SPEAKERS[number % len(SPEAKERS)], len(corpus.speakers))
            _, embeddings = diarizer.embedded(*conversation(corpus, speakers, rng))
            found = [number_of_speakers(embeddings, float(threshold)) for threshold in GRID]
            right += np.equal(found, speakers) / (conversations * len(corpora))
    best = np.flatnonzero(right >= right.max() - 1e-9)
    middle = int(best[len(best) // 2])
    return Choice(float(GRID[middle]), float(right[middle]))


def conversation(corpus: Corpus, speakers: int, rng: Generator) -> tuple[np.ndarray, list[Region]]:
    """A recording `(S,)` in which that many people speak in turn, and where."""
    chosen = rng.permutation(len(corpus.speakers))[:speakers]
    order = [speaker for _ in range(TURNS) for speaker in rng.permutation(chosen)]
    parts, regions = [], []
    end: Samples = 0
    for speaker in order:
        utterance = corpus.utterances[int(rng.choice(corpus.of_speaker[speaker]))]
        parts.append(utterance.waveform())
        regions.append(Region(end, end + len(parts[-1])))
        end = regions[-1].end
    return np.concatenate(parts), regions
