"""A second pass of diarization: the speakers that clustering finds are enrolled by their own speech
in the recording, and looked for again."""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from joint.audio import MINIMUM
from joint.conversation.activity import Activity, own_speech, spoken_steps, turns_of
from joint.conversation.turns import Turn, in_order
from joint.task import Encode, Enrollment
from joint.units import SAMPLE_RATE
from tasks.activity.task import ActivityTask

ITERATIONS = 2
"""Each begins with the turns that the one before it found."""
Find = Callable[[np.ndarray, Sequence[np.ndarray]], Activity]
"""The activity, in a waveform `(S,)`, of people known by a recording each."""


class SecondPass:
    """Turns of a first pass, such as clustering's, to those of target-speaker voice activity
    detection, where people may overlap (Medennikov et al., 2020, §2.3: initialised by clustering,
    and iterated).

    The speakers keep their names. One with less than 0.3 s of speech, which no encoder takes, keeps
    the turns too; one who is not found again has none.
    """

    def __init__(self, find: Find, iterations: int = ITERATIONS) -> None:
        self.find, self.iterations = find, iterations

    def __call__(self, waveform: np.ndarray, turns: Sequence[Turn]) -> list[Turn]:
        """The turns in `waveform (S,)`, in order."""
        found = in_order(turns)
        for _ in range(self.iterations):
            before, found = found, self._once(waveform, found)
            if found == before:
                break
        return found

    def _once(self, waveform: np.ndarray, turns: list[Turn]) -> list[Turn]:
        names = list(dict.fromkeys(turn.speaker for turn in turns))
        active = spoken_steps(turns, names, len(waveform))
        speech = [own_speech(waveform, active, k) for k in range(len(names))]
        known = [k for k, own in enumerate(speech) if len(own) >= MINIMUM * SAMPLE_RATE]
        if not known:
            return turns
        kept = [turn for turn in turns if names.index(turn.speaker) not in known]
        activity = self.find(waveform, [speech[k] for k in known])
        looked_for = [names[k] for k in known]
        return in_order([*kept, *turns_of(activity, looked_for, len(waveform))])


def find_with(task: ActivityTask, encode: Encode, device: torch.device | str = "cpu") -> Find:
    """How `task` finds people under `encode`."""

    def find(waveform: np.ndarray, recordings: Sequence[np.ndarray]) -> Activity:
        people = [Enrollment.of(recording).to(device) for recording in recordings]
        return task.infer(encode, torch.from_numpy(waveform).to(device), people)

    return find
