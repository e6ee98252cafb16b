"""What synthesis and conversion learn from: aligned utterances of a batch, with an enrolment."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

from joint.data.phones import UNKNOWN
from joint.outputs import SpeakerEncoding, TaskOutput
from joint.scene import SceneBatch
from joint.synthesis.lengths import TimedPhones, timed_phones
from joint.synthesis.mel import HOP
from joint.synthesis.spoken import Spoken, SpokenMel
from joint.task import Encode

FIELDS: Final = frozenset(
    {
        "enrollment",
        "enrollment_lengths",
        "sources",
        "source_lengths",
        "source_phones",
        "source_phone_starts",
        "source_phone_ends",
        "source_phones_known",
    }
)
"""Names of the SceneBatch fields that are read."""


@dataclass(frozen=True)
class Examples:
    """Utterances whose phones and their times are known, one row of each; `speakers (B,)` are their
    classes, where the batch has them. A task may ask the encoder for more: `encode`, at `progress`
    of the training."""

    timed: TimedPhones
    spoken: Spoken
    encoding: SpeakerEncoding
    speakers: Tensor | None = None
    encode: Encode | None = None
    progress: float = 0.0

    def __len__(self) -> int:
        return len(self.timed.phones)


class Utterances(NamedTuple):
    """Whole utterances of a batch that are aligned: their `rows (n,)` in it, their phones, and the
    `waveform (n, S)` of `lengths (n,)` Samples; their `speakers (n,)`, if the batch has them."""

    rows: Tensor
    timed: TimedPhones
    waveform: Tensor
    lengths: Tensor
    speakers: Tensor | None


def aligned_utterances(batch: SceneBatch) -> Utterances | None:
    """The first source of those scenes in which it is aligned and has a frame for each phone; None
    where there is no such scene."""
    assert batch.sources is not None and batch.source_lengths is not None
    assert batch.source_phones is not None and batch.source_phones_known is not None
    assert batch.source_phone_starts is not None and batch.source_phone_ends is not None
    timed_ones = (batch.source_phone_starts[:, 0] >= 0).any(dim=1)
    phones = (batch.source_phones[:, 0] != UNKNOWN).sum(dim=1)
    fits = phones <= batch.source_lengths[:, 0] // HOP + 1
    rows = (batch.source_phones_known[:, 0] & timed_ones & fits).nonzero()[:, 0]
    if len(rows) == 0:
        return None
    lengths = batch.source_lengths[rows, 0]
    timed = timed_phones(
        batch.source_phones[rows, 0],
        batch.source_phone_starts[rows, 0],
        batch.source_phone_ends[rows, 0],
        lengths.tolist(),
    )
    waveform = batch.sources[rows, 0, : int(lengths.max())]
    speakers = None if batch.speaker is None else batch.speaker[rows, 0]
    return Utterances(rows, timed, waveform, lengths, speakers)


def aligned_examples(
    batch: SceneBatch,
    encoding: SpeakerEncoding,
    acoustic: SpokenMel,
    longest: int | None = None,
) -> Examples | None:
    """The `aligned_utterances` with the rows of the `encoding` of the batch's enrolments; `spoken`
    is a stretch of `longest` frames, `timed` the whole."""
    found = aligned_utterances(batch)
    if found is None:
        return None
    spoken = acoustic.spoken(found.waveform, found.lengths, longest)
    return Examples(found.timed, spoken, only(encoding, found.rows), found.speakers)


def no_examples(task: nn.Module, encoding: SpeakerEncoding) -> TaskOutput:
    """The loss 0 of a batch without examples, which reaches what others would train."""
    own = (p for p in task.parameters() if p.requires_grad)
    return TaskOutput.empty([*own, encoding.embedding])


def mean_losses(
    loss: Callable[[SceneBatch], TaskOutput], batches: Iterable[SceneBatch]
) -> dict[str, float]:
    """Means of a task's loss and metrics over those held-out batches that have something to learn
    from, with the same draws each time."""
    found: list[dict[str, float]] = []
    for position, batch in enumerate(batches):
        with torch.random.fork_rng([]):
            torch.manual_seed(position)
            output = loss(batch)
        if output.count:
            found.append(output.logged(""))
    names = found[0] if found else {}
    return {name.lstrip("/"): sum(f[name] for f in found) / len(found) for name in names}


def only(encoding: SpeakerEncoding, rows: Tensor) -> SpeakerEncoding:
    """Some rows `(n,)` of an encoding, without its layers."""

    def of(tensor: Tensor | None) -> Tensor | None:
        return None if tensor is None else tensor[rows]

    return replace(
        encoding,
        embedding=encoding.embedding[rows],
        frames=of(encoding.frames),
        frame_mask=of(encoding.frame_mask),
        waveform=of(encoding.waveform),
        lengths=of(encoding.lengths),
        layers={},
    )
