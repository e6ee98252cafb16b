"""Phones ranked by how much same-speaker decisions depend on them."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from analysis.saliency.explanation import check_method
from analysis.saliency.maps import METHODS, activation
from analysis.saliency.spectrogram import HOP, MaskableSpectrogram
from joint.data.corpus import Corpus, readable
from joint.data.phones import PhoneIntervals
from joint.encoders.encoder import SpeakerEncoder
from joint.errors import DataError
from joint.training.progress import shown


def phone_salience_of_pairs(
    encoder: SpeakerEncoder, corpus: Corpus, pairs: int, method: str, layer: str
) -> tuple[dict[str, float], int]:
    """The salience of each phone over at most `pairs` random pairs of aligned recordings of one
    speaker, for the cosine of the pair, and the number of pairs used.

    Raises ConfigError as `check_method`, DataError for a corpus without phones or without pairs.
    """
    check_method(method, layer)
    if not corpus.phones:
        raise DataError(corpus.where, "no phones", "a folder that 'joint align' has aligned")
    encoder.eval()
    maps = []
    for one, other in shown(_pairs(corpus, pairs), "explaining", True):
        pair = list(readable(corpus.utterances[i] for i in (one, other)))
        if len(pair) < 2:
            continue
        (utterance, waveform), (_, other_waveform) = pair
        assert utterance.phones is not None
        with torch.no_grad():
            fixed = encoder(torch.from_numpy(other_waveform)[None]).embedding

        def cosine(recordings: Tensor, fixed: Tensor = fixed) -> Tensor:
            return torch.cosine_similarity(encoder(recordings).embedding, fixed)

        spectrogram = MaskableSpectrogram.of(torch.from_numpy(waveform))
        at = activation(encoder, spectrogram, cosine, layer)
        maps.append((METHODS[method](at, spectrogram, cosine).numpy(), utterance.phones))
    if not maps:
        raise DataError(corpus.where, "no two aligned recordings of one speaker", "at least two")
    return phone_salience(maps, corpus.phones), len(maps)


def phone_salience(
    maps: Iterable[tuple[np.ndarray, PhoneIntervals]], inventory: Sequence[str]
) -> dict[str, float]:
    """Mean salience of each phone's frames, relative to the mean of their recording, in descending
    order; `maps` pairs a map `(bands, frames)` with the phones of its recording."""
    total, frames = np.zeros(len(inventory)), np.zeros(len(inventory))
    for salience, intervals in maps:
        each = salience.mean(axis=0)
        each = each / max(float(each.mean()), 1e-12)
        places = np.searchsorted(intervals.ends, np.arange(len(each)) * HOP, side="right")
        phones = intervals.phones[np.minimum(places, len(intervals.phones) - 1)]
        known = phones >= 0
        np.add.at(total, phones[known], each[known])
        np.add.at(frames, phones[known], 1)
    means: Mapping[int, float] = {
        int(i): float(total[i] / frames[i]) for i in np.flatnonzero(frames)
    }
    return {inventory[i]: means[i] for i in sorted(means, key=lambda i: -means[i])}


def _pairs(corpus: Corpus, count: int) -> list[tuple[int, int]]:
    """Pairs of recordings of one speaker, the first one aligned; speakers take turns."""
    rng = np.random.default_rng(0)
    found = []
    for own in corpus.of_speaker:
        aligned = [i for i in own if corpus.utterances[i].phones is not None]
        found += [
            (turn, int(one), int(rng.choice(own[own != one])))
            for turn, one in enumerate(rng.permutation(aligned))
            if len(own) > 1
        ]
    return [(one, other) for _, one, other in sorted(found)[:count]]
