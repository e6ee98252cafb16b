"""Speaker segmentation: who of up to three local speakers talks in a window of a conversation."""

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from joint.conversation.frames import check_frames, frames_of, inside, on_frames
from joint.encoders.frames import Frames
from joint.errors import ConfigError
from joint.metrics.activity import Errors
from joint.outputs import TaskOutput
from joint.scene import SceneBatch
from joint.task import MIXTURE, Encode, Enrollment, Task
from joint.units import SAMPLE_RATE, Samples, Seconds
from tasks.diarization.segmentation.network import SegmentationNetwork
from tasks.diarization.segmentation.pieces import SharedPieces
from tasks.diarization.segmentation.powerset import Powerset, permutation_invariant
from tasks.diarization.segmentation.windows import LocalActivity, starts_of

AT_ONCE = 8
"""Windows in one step of inference."""


class Windows(NamedTuple):
    """`logits (W, F, C)` of windows, `active (W, F, N)`, whether each local speaker talks in a
    frame, and `mask (W, F)`, true on the frames that count: inside the recording, and with no more
    speakers than powerset classes have."""

    logits: Tensor
    active: Tensor
    mask: Tensor


class SegmentationTask(Task):
    """Speaker segmentation by powerset classes (Plaquet and Bredin, 2023) on the shared encoder.

    A conversation is cut into windows; those who talk in one are its local speakers, in any order:
    the loss is that of the best. Speakers beyond `speakers` of a window are left out, those who
    talk least.

    Args:
        reads: names of the encoder's layers whose frames the network gets, side by side.
        window: Seconds of a window, in training and at inference; its frames are whole.
        speakers, at_once: see Powerset.
        hop: Samples between the network's frames.
        step: Seconds between the beginnings of two windows at inference.
        network: called with `feature_dim` and `classes`.

    Raises ConfigError for no layer, a hop that is no multiple of ACTIVITY_HOP, and a window
    shorter than 1 s or than its step.
    """

    requires: ClassVar[frozenset[str]] = frozenset(
        {"mixture", "mixture_lengths", "source_speakers", "activity"}
    )

    def __init__(
        self,
        layer_dim: Callable[[str], int],
        network: Callable[..., SegmentationNetwork] = SegmentationNetwork,
        reads: Sequence[str] = ("block1", "block3"),
        window: Seconds = 8.0,
        speakers: int = 3,
        at_once: int = 2,
        hop: Samples = 640,
        step: Seconds = 2.0,
    ) -> None:
        super().__init__()
        check_frames(reads, hop)
        if not window >= 1.0 or not 0 < step <= window:
            found = f"{window:g} s every {step:g} s"
            raise ConfigError("window, step", found, "1 s or more, and a step no longer")
        self.reads, self.hop = tuple(reads), hop
        self.layers = frozenset(reads)
        self.window, self.step = (round(s * SAMPLE_RATE / hop) * hop for s in (window, step))
        self.powerset = Powerset(speakers, at_once)
        self.network = network(
            feature_dim=sum(layer_dim(name) for name in reads), classes=self.powerset.classes
        )

    def logits(
        self, encode: Encode, windows: Tensor, lengths: Tensor, units: Tensor | None = None
    ) -> tuple[Tensor, Frames]:
        """Logits `(W, F, C)` of `windows (W, S)` with `lengths (W,)` in Samples, and the frames
        that they were made of, whose mask is true inside the windows; `units` as the network has
        them."""
        encoding = encode(windows, lengths, MIXTURE)
        frames = frames_of(encoding, self.reads, self.hop, "segmentation")
        mask = inside(lengths, frames.features.shape[1], frames.hop, frames.offset)
        frames = Frames(frames.features, mask, frames.hop, frames.offset)
        return self.network(frames, encode, windows, lengths, units), frames

    def of_batch(self, encode: Encode, batch: SceneBatch) -> Windows:
        """The windows of a batch, one after the other, without pieces below half a window at the
        end of a longer mixture."""
        assert batch.mixture is not None and batch.mixture_lengths is not None
        windows, lengths, rows, starts = cut(batch.mixture, batch.mixture_lengths, self.window)
        logits, frames = self.logits(encode, windows, lengths)
        count = logits.shape[1]
        whole = by_speaker(batch)
        first = (starts // self.hop).tolist()
        parts = []
        for row, start in zip(rows.tolist(), first, strict=True):
            known = on_frames(whole[row], start + count, self.hop, frames.offset)
            parts.append(self._local(known[:, start:] >= 0.5))
        active = torch.stack(parts)
        mask = frames.full_mask() & (active.sum(dim=2) <= self.powerset.at_once)
        return Windows(logits, active, mask)

    def _local(self, known: Tensor) -> Tensor:
        """Of `known (people, F)` those who talk most, `(F, N)`."""
        chosen = known.sum(dim=1).argsort(descending=True, stable=True)[: self.powerset.speakers]
        own = known[chosen]
        return F.pad(own, (0, 0, 0, self.powerset.speakers - len(own))).T

    def loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput:
        """Permutation-invariant cross-entropy, mean over frames."""
        found = self.of_batch(encode, batch)
        classes = self.powerset.encode(found.active)
        sums, ordered = permutation_invariant(found.logits, classes, found.mask, self.powerset)
        count = int(found.mask.sum())
        wrong = (found.logits.argmax(dim=-1) != ordered)[found.mask].float().mean()
        return TaskOutput(sums.sum() / count, count, {"class_error_percent": 100.0 * wrong})

    def validate(self, encode: Encode, batches: Iterable[SceneBatch]) -> dict[str, float]:
        """Error rates by frames within windows, see `Errors`, and how well overlap is detected:
        `overlap_precision` and `overlap_recall`, between 0 and 1."""
        errors, both, claimed, spoken = Errors(), 0, 0, 0
        for batch in batches:
            found = self.of_batch(encode, batch)
            classes = self.powerset.encode(found.active)
            _, ordered = permutation_invariant(found.logits, classes, found.mask, self.powerset)
            active = self.powerset.decode(found.logits.argmax(dim=-1))
            known = self.powerset.decode(ordered)
            errors.add(active.transpose(1, 2), known.transpose(1, 2), found.mask)
            more, several = (x.sum(2)[found.mask] > 1 for x in (active, known))
            both += int((more & several).sum())
            claimed, spoken = claimed + int(more.sum()), spoken + int(several.sum())
        figures = errors.figures()
        figures.pop("absent_active_percent", None)
        return {
            **figures,
            "overlap_precision": both / max(claimed, 1),
            "overlap_recall": both / max(spoken, 1),
        }

    def infer(
        self, encode: Encode, recording: Tensor, enrollments: Sequence[Enrollment] = ()
    ) -> LocalActivity:
        """See Task: who of the local speakers talks in each window of `recording (S,)`."""
        starts = starts_of(len(recording), self.window, self.step, self.hop)
        pieces, parts = SharedPieces(self.network, encode, recording), []
        for begin in range(0, len(starts), AT_ONCE):
            chosen = starts[begin : begin + AT_ONCE]
            windows = torch.stack([recording[s : s + self.window] for s in chosen])
            lengths = torch.tensor([w.shape[0] for w in windows], device=recording.device)
            units = pieces(chosen, windows.shape[1])
            logits, frames = self.logits(encode, windows, lengths, units)
            parts.append(self.powerset.decode(logits.argmax(dim=-1)).cpu())
        active = torch.cat(parts).numpy()
        places = [start // self.hop for start in starts]
        return LocalActivity(active, places, self.hop, frames.offset)


def cut(mixture: Tensor, lengths: Tensor, window: Samples) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Windows `(W, window)` of `mixture (B, S)` one after the other, their lengths `(W,)`, rows
    `(W,)` and first Samples `(W,)`; one shorter than half of `window` counts where it is all."""
    places = [
        (row, start)
        for row, length in enumerate(lengths.tolist())
        for start in range(0, length, window)
        if start == 0 or length - start >= window // 2
    ]
    longest = min(window, int(lengths.max()))
    padded = F.pad(mixture, (0, longest))
    windows = torch.stack([padded[row, start : start + longest] for row, start in places])
    rows, starts = torch.tensor(places, device=mixture.device).T
    own = (lengths[rows] - starts).clamp(max=longest)
    inside_ = torch.arange(longest, device=mixture.device) < own[:, None]
    return windows.masked_fill(~inside_, 0.0), own, rows, starts


def by_speaker(batch: SceneBatch) -> list[Tensor]:
    """Whether each speaker of a scene talks, bool `(people, A)` for each scene."""
    assert batch.activity is not None and batch.source_speakers is not None
    found = []
    for speakers, active in zip(batch.source_speakers, batch.activity, strict=True):
        people = speakers[speakers >= 0].unique()
        found.append(torch.stack([active[speakers == who].any(dim=0) for who in people]))
    return found
