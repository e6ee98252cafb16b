"""Phones by how much same-speaker decisions rest on them."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from analysis.saliency.cells import Cells
from analysis.saliency.explanation import checked
from analysis.saliency.maps import METHODS, activation
from analysis.saliency.phones import salience_of_phones
from joint.data.corpus import Corpus
from joint.encoders.encoder import SpeakerEncoder
from joint.errors import DataError
from joint.training.progress import shown


def phones_of_pairs(
    encoder: SpeakerEncoder, corpus: Corpus, pairs: int, method: str, layer: str
) -> tuple[dict[str, Any], int]:
    """`salience` of each phone over `pairs` random pairs of one speaker's aligned recordings, and
    how many pairs there were. Raises DataError for a corpus without phones or pairs."""
    checked(method, layer)
    if not corpus.phones:
        raise DataError(corpus.where, "no phones", "a folder that 'joint align' has seen")
    encoder.eval()
    rng = np.random.default_rng(0)
    maps = []
    for one, other in shown(_pairs(corpus, pairs, rng), "explaining", True):
        utterance = corpus.utterances[one]
        assert utterance.phones is not None
        held = torch.from_numpy(corpus.utterances[other].waveform())[None]
        with torch.no_grad():
            wanted = encoder(held).embedding

        def alike(recordings: Tensor, wanted: Tensor = wanted) -> Tensor:
            return torch.cosine_similarity(encoder(recordings).embedding, wanted)

        cells = Cells.of(torch.from_numpy(utterance.waveform()))
        salience = METHODS[method](activation(encoder, cells, alike, layer), cells, alike)
        maps.append((salience.numpy(), utterance.phones))
    if not maps:
        raise DataError(corpus.where, "no two aligned recordings of one person", "some")
    return {"salience": dict(salience_of_phones(maps, corpus.phones))}, len(maps)


def _pairs(corpus: Corpus, count: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Pairs of recordings of one speaker, the first one aligned; speakers take turns."""
    found = []
    for own in corpus.of_speaker:
        known = [i for i in own if corpus.utterances[i].phones is not None]
        found += [
            (turn, int(one), int(rng.choice(own[own != one])))
            for turn, one in enumerate(rng.permutation(known))
            if len(own) > 1
        ]
    return [(one, other) for _, one, other in sorted(found)[:count]]
