"""The references of several speakers as one sequence, and back.

Serialized output training (FIFO-SOT, Kanda et al., Interspeech 2020) puts one speaker after the
other, in the order of their starts; token-level serialization (t-SOT, Kanda et al., Interspeech
2022) puts all units in the order of their ends, with a change token between two speakers.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from torch import nn

from joint.errors import ConfigError
from joint.units import Samples


class Serialization(nn.Module, ABC):
    """Joins sequences of units into one; `change` is the change token. `in_time`: units are in the
    order of time, which CTC needs."""

    in_time: ClassVar[bool] = False

    @abstractmethod
    def join(
        self,
        units: Sequence[Sequence[int]],
        starts: Sequence[Samples],
        ends: Sequence[Sequence[Samples]] | None,
        change: int,
    ) -> list[int]:
        """The units of each speaker, the starts of speakers and the ends of units → one
        sequence."""

    @abstractmethod
    def places(self, sequence: Sequence[int], speakers: int, change: int) -> list[list[int]]:
        """The places of each speaker's units in a sequence, speakers in the order of their starts;
        units after more changes than `speakers` belong to the last."""

    def part(self, sequence: Sequence[int], speakers: int, change: int) -> list[list[int]]:
        """One sequence → the units of each speaker; see `places`."""
        return [[sequence[i] for i in own] for own in self.places(sequence, speakers, change)]


class FirstInFirstOut(Serialization):
    """One speaker after the other, by their starts, then by their order in the scene."""

    def join(
        self,
        units: Sequence[Sequence[int]],
        starts: Sequence[Samples],
        ends: Sequence[Sequence[Samples]] | None,
        change: int,
    ) -> list[int]:
        """See Serialization; needs no `ends`."""
        sequence: list[int] = []
        for place, speaker in enumerate(sorted(range(len(units)), key=lambda n: starts[n])):
            sequence += [change] * (place > 0) + list(units[speaker])
        return sequence

    def places(self, sequence: Sequence[int], speakers: int, change: int) -> list[list[int]]:
        """See Serialization."""
        parts: list[list[int]] = [[] for _ in range(speakers)]
        speaker = 0
        for place, unit in enumerate(sequence):
            if unit == change:
                speaker = min(speaker + 1, speakers - 1)
            else:
                parts[speaker].append(place)
        return parts


class InterleavedTokens(Serialization):
    """All units in the order of their ends, for two speakers (t-SOT)."""

    in_time: ClassVar[bool] = True

    def join(
        self,
        units: Sequence[Sequence[int]],
        starts: Sequence[Samples],
        ends: Sequence[Sequence[Samples]] | None,
        change: int,
    ) -> list[int]:
        """See Serialization. Raises ConfigError without `ends`, or for other than two speakers."""
        if len(units) != 2 or ends is None:
            found = f"{len(units)} speakers" if len(units) != 2 else "units without times"
            raise ConfigError("order", found, "two speakers and phones")
        # the first speaker is who starts first, also where the other's first unit ends earlier
        places = sorted(range(2), key=lambda n: starts[n])
        ordered = sorted(
            (end, place, position)
            for place, speaker in enumerate(places)
            for position, end in enumerate(ends[speaker])
        )
        sequence, speaker = [], 0
        for _, place, position in ordered:
            if place != speaker:
                sequence.append(change)
                speaker = place
            sequence.append(units[places[place]][position])
        return sequence

    def places(self, sequence: Sequence[int], speakers: int, change: int) -> list[list[int]]:
        """See Serialization."""
        parts: list[list[int]] = [[], []]
        speaker = 0
        for place, unit in enumerate(sequence):
            if unit == change:
                speaker = 1 - speaker
            else:
                parts[speaker].append(place)
        return parts
