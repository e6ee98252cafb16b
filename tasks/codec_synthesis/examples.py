"""What codec language models learn from: the codes of utterances, their phones, and a prompt."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from joint.data.phones import UNKNOWN
from joint.outputs import SpeakerEncoding
from joint.synthesis.codec.codec import FRAMES
from joint.synthesis.lengths import TimedPhones


@dataclass(frozen=True)
class CodeExamples:
    """Stretches of utterances in codes.

    `phones (B, P)`, silences among them, padded with `UNKNOWN`; `codes (B, T, Q)` of `mask (B, T)`;
    `places (B, T)`, which of the row's phones is spoken in each frame of codes; `prompt (B, N, Q)`,
    codes of another recording of the speaker, N = 0 without one, of `prompt_mask (B, N)`;
    `infilled (B, T)`, the frames whose codes are to be made between the others; None: all.
    """

    phones: Tensor
    codes: Tensor
    mask: Tensor
    places: Tensor
    prompt: Tensor
    prompt_mask: Tensor
    encoding: SpeakerEncoding
    infilled: Tensor | None = None

    def __len__(self) -> int:
        return len(self.phones)

    @property
    def spoken(self) -> Tensor:
        """The phone of each frame of codes, `(B, T)`."""
        return self.phones.gather(1, self.places).clamp(min=0)

    @property
    def made(self) -> Tensor:
        """The frames whose codes are to be made, `(B, T)`."""
        return self.mask if self.infilled is None else self.mask & self.infilled


def places_of(frames: Tensor, ends: Tensor) -> Tensor:
    """Which phone is spoken in the middle of each of `frames (T,)` of codes, `(T,)`, of phones with
    `ends (P,)` in frames of the log-mel."""
    return torch.searchsorted(ends, FRAMES * frames + FRAMES // 2, right=True)


def stretches(
    timed: TimedPhones, codes: Tensor, longest: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Of each utterance a random stretch from one phone to another, of at most `longest` frames of
    codes where one phone is not longer: `phones`, `codes`, `mask` and `places` of CodeExamples."""
    found: list[tuple[Tensor, Tensor, Tensor]] = []
    for row, counts in enumerate(timed.mask.sum(dim=1).tolist()):
        ends = timed.durations[row, :counts].cumsum(dim=0)
        starts = ends - timed.durations[row, :counts]
        first_codes, last_codes = starts // FRAMES, -(-ends // FRAMES)
        latest = int((last_codes[-1] - first_codes >= longest).sum())
        latest = min(latest, counts - 1)  # where the last phone alone is longer
        first = int(torch.randint(latest + 1, ())) if latest else 0
        fits = last_codes - first_codes[first] <= longest
        last = max(int(fits.sum()) - 1, first)
        here = torch.arange(int(first_codes[first]), int(last_codes[last]), device=codes.device)
        places = places_of(here, ends).clamp(first, last) - first
        found.append((timed.phones[row, first : last + 1], codes[row, here], places))
    phones, kept, spoken = zip(*found, strict=True)
    lengths = torch.tensor([len(k) for k in kept], device=codes.device)
    frame = torch.arange(int(lengths.max()), device=codes.device)
    return (
        pad_sequence(list(phones), True, UNKNOWN),
        pad_sequence(list(kept), True),
        frame < lengths[:, None],
        pad_sequence(list(spoken), True),
    )
