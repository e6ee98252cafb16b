"""Recordings of any length through a recogniser, in bounded memory."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from joint.units import Samples
from tasks.recognition.core import Posteriors
from tasks.recognition.decoding.best_path import Decoding
from tasks.recognition.objectives.permutation import best_permutation

WINDOW_FRAMES, SHARED_FRAMES = 500, 50
"""Longer recordings are processed in windows of 20 s, of which neighbours share 2 s."""


@dataclass(frozen=True)
class Window:
    """The outputs for a part of a recording, from its frame `first` on. The frames from `begin` to
    before `end` count; the others are nearer to the middle of a neighbouring window."""

    outputs: list[Posteriors]
    first: int
    begin: int
    end: int


def windows_of(
    waveform: Tensor, posteriors: Callable[[Tensor, Tensor], list[Posteriors]], hop: Samples
) -> Iterator[Window]:
    """The windows of one recording `(S,)`, one after the other; of the frames that two windows
    share, half count in each.

    `posteriors` gives those of each output for a part `(1, S)` with `lengths (1,)` in Samples, a
    frame every `hop`.
    """
    step, half = WINDOW_FRAMES - SHARED_FRAMES, SHARED_FRAMES // 2
    starts = range(0, max(1, len(waveform) - SHARED_FRAMES * hop), step * hop)
    before: list[Posteriors] | None = None
    for i, start in enumerate(starts):
        part = waveform[None, start : start + WINDOW_FRAMES * hop]
        lengths = torch.tensor([part.shape[1]], device=waveform.device)
        outputs = posteriors(part, lengths)
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


def decoded(windows: Sequence[Window], decoding: Decoding) -> list[Sequence[int] | Sequence[str]]:
    """The symbols, or words, of each output in consecutive windows."""
    outputs = [joined(windows, output) for output in range(len(windows[0].outputs))]
    return [
        decoding(posteriors, row)
        for posteriors in outputs
        for row in range(len(posteriors.log_probabilities))
    ]


def joined(windows: Sequence[Window], output: int) -> Posteriors:
    """The posteriors of one output over consecutive windows."""
    parts = [(window.outputs[output], slice(window.begin, window.end)) for window in windows]
    whole = torch.cat([part.log_probabilities[:, own] for part, own in parts], dim=1)
    hidden = torch.cat([part.hidden.features[:, own] for part, own in parts], dim=1)
    frames = torch.full((len(whole),), whole.shape[1], device=whole.device)
    return Posteriors(whole, frames, replace(parts[0][0].hidden, features=hidden, mask=None))
