"""Where the words and phones of one recording are, by forced alignment."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from joint.errors import DataError
from joint.synthesis.lengths import TimedPhones, timed_phones
from joint.text.pronunciation import pronounced, words_of
from joint.text.reading import phone_indices
from joint.units import SAMPLE_RATE


class AlignedText(NamedTuple):
    """The `words` of a recording, for each the first of its phones and the one behind its last one
    among the `phones`, silences among them: `spans`."""

    words: list[str]
    spans: list[tuple[int, int]]
    phones: TimedPhones


def aligned_text(
    waveform: np.ndarray, text: str, inventory: Sequence[str], where: str, checkpoint: str
) -> AlignedText:
    """Align a recording `(S,)` with its words, those of `text`, in the phones of a `checkpoint`.

    Raises DataError, with the name `where`, where they do not agree; JointError where a package of
    the extra `phones` is missing.
    """
    from tasks.phonetics.sphinx import SphinxAligner, UnalignableError

    words = words_of(text)
    try:
        found = SphinxAligner(pronounced(words, {})).align(waveform, words)
    except UnalignableError as error:
        raise DataError(where, str(error), f"a recording of {text!r}") from None
    indices = phone_indices([phone.symbol for phone in found.phones], inventory, checkpoint)
    edges = torch.tensor(
        [[p.start, p.start + p.duration] for p in found.phones], dtype=torch.float64
    )
    starts, ends = (edges * SAMPLE_RATE).round().long().unbind(dim=1)
    timed = timed_phones(indices[None], starts[None], ends[None], [len(waveform)])
    places = timed.phones[0].nonzero()[:, 0].tolist()  # silence is phone 0
    middles = edges.mean(dim=1).tolist()
    spans = []
    for word in found.words:
        inside = [
            place
            for place, middle in zip(places, middles, strict=True)
            if word.start <= middle < word.start + word.duration
        ]
        spans.append((inside[0], inside[-1] + 1))
    return AlignedText(words, spans, timed)
