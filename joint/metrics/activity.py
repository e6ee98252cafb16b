"""Error rates of activity by frames."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Errors:
    """Counts that add up: wrong decisions of `decisions` about a person and a frame, and the parts
    of the diarization error rate, in frames of one person. People are known by their enrolment, so
    that no mapping is looked for."""

    wrong: int = 0
    decisions: int = 0
    missed: int = 0
    false_alarm: int = 0
    confused: int = 0
    spoken: int = 0
    absent_false: int = 0
    absent_frames: int = 0

    def add(self, found: Tensor, known: Tensor, mask: Tensor) -> None:
        """Count in `found` and `known (B, K, F)` bool, where `mask (B, F)` is true."""
        valid = mask[:, None].expand_as(found)
        found, known = found & valid, known & valid
        self.wrong += int((found != known).sum())
        self.decisions += int(valid.sum())
        claimed, spoken = found.sum(dim=1), known.sum(dim=1)
        correct = (found & known).sum(dim=1)
        self.missed += int((spoken - claimed).clamp(min=0).sum())
        self.false_alarm += int((claimed - spoken).clamp(min=0).sum())
        self.confused += int((torch.minimum(claimed, spoken) - correct).sum())
        self.spoken += int(spoken.sum())
        absent = ~known.any(dim=2)
        self.absent_false += int(found[absent].sum())
        self.absent_frames += int(valid[absent].sum())

    def figures(self) -> dict[str, float]:
        """In percent: `frame_error_percent` of the decisions, `der_percent` and its parts of the
        speech, and, where somebody is absent, how often they are found to speak."""
        speech = max(self.spoken, 1)
        parts = {
            "missed_percent": self.missed,
            "false_alarm_percent": self.false_alarm,
            "confusion_percent": self.confused,
        }
        found = {
            "frame_error_percent": 100.0 * self.wrong / max(self.decisions, 1),
            "der_percent": 100.0 * sum(parts.values()) / speech,
            **{name: 100.0 * count / speech for name, count in parts.items()},
        }
        if self.absent_frames:
            found["absent_active_percent"] = 100.0 * self.absent_false / self.absent_frames
        return found
