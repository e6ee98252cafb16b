"""Recordings of any length through a recogniser, in bounded memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from joint.outputs import SpeakerEncoding
from joint.task import Encode, Enrollment, encode_enrollments
from joint.units import Samples
from tasks.recognition.core import Posteriors
from tasks.recognition.decoding.best_path import Decoding
from tasks.recognition.objectives.permutation import best_permutation

if TYPE_CHECKING:
    from tasks.recognition.task import RecognitionTask

WINDOW_FRAMES, SHARED_FRAMES = 500, 50
"""Longer recordings are processed in windows of 20 s, of which neighbours share 2 s."""


def transcribe(
    task: "RecognitionTask",
    encode: Encode,
    waveform: Tensor,
    enrollments: Sequence[Enrollment] = (),
    decoding: Decoding | None = None,
) -> list[list[str]]:
    """Transcribe `waveform (S,)`: the words (or phones) of each speaker, in the order of the
    `enrollments` or of the outputs.

    Decodings that are `windowed` (an attention decoder's) give the words of one window after the
    other; first-in-first-out outputs then count speakers by their starts in each window.
    """
    decoding = decoding or task.decoding()
    enrolled = encode_enrollments(encode, enrollments) if enrollments else None
    windows = list(windows_of(task, encode, waveform, enrolled))
    # an attention decoder has seen no recordings longer than those of its training
    parts = [[window] for window in windows] if decoding.windowed else [windows]
    words = [decoded(task, part, decoding) for part in parts]
    return [[w for part in words for w in part[speaker]] for speaker in range(len(words[0]))]


@dataclass(frozen=True)
class Window:
    """The outputs for a part of a recording, from its frame `first` on. The frames from `begin` to
    before `end` count; the others are nearer to the middle of a neighbouring window."""

    outputs: list[Posteriors]
    first: int
    begin: int
    end: int


def windows_of(
    task: "RecognitionTask",
    encode: Encode,
    waveform: Tensor,
    enrolled: SpeakerEncoding | None = None,
) -> Iterator[Window]:
    """The windows of one recording `(S,)`, one after the other; of the frames that two windows
    share, half count in each."""
    hop: Samples = task.core.hop
    step, half = WINDOW_FRAMES - SHARED_FRAMES, SHARED_FRAMES // 2
    starts = range(0, max(1, len(waveform) - SHARED_FRAMES * hop), step * hop)
    before: list[Posteriors] | None = None
    for i, start in enumerate(starts):
        part = waveform[None, start : start + WINDOW_FRAMES * hop]
        lengths = torch.tensor([part.shape[1]], device=waveform.device)
        outputs = task.posteriors(encode, part, lengths, enrolled)
        if before is not None:
            outputs = continued(before, outputs)
        before = outputs
        frames = outputs[0].log_probabilities.shape[1]
        end = WINDOW_FRAMES - half if i < len(starts) - 1 else frames
        yield Window(outputs, i * step, half if i else 0, end)


def continued(before: Sequence[Posteriors], outputs: Sequence[Posteriors]) -> list[Posteriors]:
    """The `outputs` of a window in the order of those of the window `before` it.

    Permutation-invariant training leaves the order of outputs open, and it may change from one
    window to the next. Outputs continue those that they resemble in the frames that both windows
    share: the total variation distance between the posteriors, summed over frames, is least.
    """
    if len(outputs) == 1:
        return list(outputs)
    earlier = torch.cat([o.log_probabilities[:, WINDOW_FRAMES - SHARED_FRAMES :] for o in before])
    later = torch.cat([o.log_probabilities[:, :SHARED_FRAMES] for o in outputs])
    shared = min(earlier.shape[1], later.shape[1])
    distance = (earlier[:, None, :shared].exp() - later[None, :, :shared].exp()).abs().sum((2, 3))
    # equal distances, as of silent outputs, keep the order
    distance = distance - 1e-3 * torch.eye(len(outputs), device=distance.device)
    _, order = best_permutation(distance[None])
    return [outputs[place] for place in order[0].tolist()]


def decoded(
    task: "RecognitionTask", windows: Sequence[Window], decoding: Decoding
) -> list[list[str]]:
    """The words of each speaker in consecutive windows."""
    outputs = [joined(windows, output) for output in range(len(windows[0].outputs))]
    sequences: list[Sequence[int] | Sequence[str]] = [
        decoding(posteriors, row)
        for posteriors in outputs
        for row in range(len(posteriors.log_probabilities))
    ]
    return task.words(sequences)


def joined(windows: Sequence[Window], output: int) -> Posteriors:
    """The posteriors of one output over consecutive windows."""
    parts = [(window.outputs[output], slice(window.begin, window.end)) for window in windows]
    whole = torch.cat([part.log_probabilities[:, own] for part, own in parts], dim=1)
    hidden = torch.cat([part.hidden.features[:, own] for part, own in parts], dim=1)
    frames = torch.full((len(whole),), whole.shape[1], device=whole.device)
    return Posteriors(whole, frames, replace(parts[0][0].hidden, features=hidden, mask=None))
