"""Phrases of aligned utterances, for a model that learns speech without the durations of phones."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from joint.data.phones import UNKNOWN
from joint.synthesis.lengths import TimedPhones


class Phrases(NamedTuple):
    """`phones (B, P)`, padded with `UNKNOWN`, and their frames `mel (B, F, MELS)`, with
    `phone_counts (B,)` and `frame_counts (B,)`; `rows (B,)` of the batch that they are from, those
    with the most phones first."""

    phones: Tensor
    phone_counts: Tensor
    mel: Tensor
    frame_counts: Tensor
    rows: Tensor


def random_phrases(timed: TimedPhones, mel: Tensor, longest: int) -> Phrases:
    """Of each utterance a phrase of at most `longest` frames (or one phone): from the beginning of
    the utterance, or of a random pause, to the end of the last pause that fits, else of the last
    phone. `mel (B, F, MELS)` are the utterances' frames."""
    found = []
    for row, (phones, durations) in enumerate(zip(timed.phones, timed.durations, strict=True)):
        count = int(timed.mask[row].sum())
        ends = [0, *durations[:count].cumsum(dim=0).tolist()]
        pauses = [i for i, phone in enumerate(phones[:count].tolist()) if phone == 0]
        starts = [0, *(p for p in pauses if 0 < p < count - 1)]
        first = starts[int(torch.randint(len(starts), ()))]
        last = _last_of(ends, pauses, first, longest)
        found.append((phones[first:last], mel[row, ends[first] : ends[last]], row))
    found.sort(key=lambda phrase: -len(phrase[0]))

    def counts(parts: Sequence[Tensor]) -> Tensor:
        return torch.tensor([len(part) for part in parts], device=mel.device)

    phones, frames = [phrase[0] for phrase in found], [phrase[1] for phrase in found]
    return Phrases(
        pad_sequence(phones, batch_first=True, padding_value=UNKNOWN),
        counts(phones),
        pad_sequence(frames, batch_first=True),
        counts(frames),
        torch.tensor([phrase[2] for phrase in found], device=mel.device),
    )


def _last_of(ends: Sequence[int], pauses: Sequence[int], first: int, longest: int) -> int:
    """The phone behind the last one of a phrase that begins with phone `first`."""
    count = len(ends) - 1
    fitting = [i for i in range(first + 1, count + 1) if ends[i] - ends[first] <= longest]
    if not fitting:
        return first + 1
    if fitting[-1] == count:
        return count
    behind = [p + 1 for p in pauses if first < p and p + 1 in fitting]
    return behind[-1] if behind else fitting[-1]
