"""What several people say as one sequence, and back.

Serialized output training (Kanda et al., Interspeech 2020) writes one speaker after the other, in
the order in which they begin; token-level serialization (t-SOT, Kanda et al., Interspeech 2022)
writes every unit when it ends and marks where the voice changes.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from torch import nn

from joint.errors import ConfigError
from joint.units import Samples


class Serialization(nn.Module, ABC):
    """Turns sequences of units into one; `change` stands for the speaker change. `in_time` says
    whether units are written in the order in which they are said."""

    in_time: ClassVar[bool] = False

    @abstractmethod
    def join(
        self,
        said: Sequence[Sequence[int]],
        starts: Sequence[Samples],
        ends: Sequence[Sequence[Samples]] | None,
        change: int,
    ) -> list[int]:
        """What each speaker says, when they start and when each unit ends → one sequence."""

    @abstractmethod
    def places(self, sequence: Sequence[int], speakers: int, change: int) -> list[list[int]]:
        """Where in a sequence what each of `speakers` says stands, in the order in which they
        begin; what is said after too many changes belongs to the last."""

    def part(self, sequence: Sequence[int], speakers: int, change: int) -> list[list[int]]:
        """One sequence → what each of `speakers` says; see `places`."""
        return [[sequence[i] for i in own] for own in self.places(sequence, speakers, change)]


class FirstInFirstOut(Serialization):
    """One speaker after the other, by their starts; of equal starts the first of the scene."""

    def join(
        self,
        said: Sequence[Sequence[int]],
        starts: Sequence[Samples],
        ends: Sequence[Sequence[Samples]] | None,
        change: int,
    ) -> list[int]:
        """See Serialization; needs no `ends`."""
        sequence: list[int] = []
        for place, speaker in enumerate(sorted(range(len(said)), key=lambda n: starts[n])):
            sequence += [change] * (place > 0) + list(said[speaker])
        return sequence

    def places(self, sequence: Sequence[int], speakers: int, change: int) -> list[list[int]]:
        """See Serialization."""
        parts: list[list[int]] = [[] for _ in range(speakers)]
        voice = 0
        for place, unit in enumerate(sequence):
            if unit == change:
                voice = min(voice + 1, speakers - 1)
            else:
                parts[voice].append(place)
        return parts


class InterleavedTokens(Serialization):
    """Every unit in the order of its end, for two speakers."""

    in_time: ClassVar[bool] = True

    def join(
        self,
        said: Sequence[Sequence[int]],
        starts: Sequence[Samples],
        ends: Sequence[Sequence[Samples]] | None,
        change: int,
    ) -> list[int]:
        """See Serialization. Raises ConfigError without `ends`, or for other than two speakers."""
        if len(said) != 2 or ends is None:
            found = f"{len(said)} speakers" if len(said) != 2 else "units without times"
            raise ConfigError("order", found, "two speakers and phones")
        # a speaker who begins first is the first, also where the other's first unit ends before
        places = sorted(range(2), key=lambda n: starts[n])
        units = sorted(
            (end, place, position)
            for place, speaker in enumerate(places)
            for position, end in enumerate(ends[speaker])
        )
        sequence, voice = [], 0
        for _, place, position in units:
            if place != voice:
                sequence.append(change)
                voice = place
            sequence.append(said[places[place]][position])
        return sequence

    def places(self, sequence: Sequence[int], speakers: int, change: int) -> list[list[int]]:
        """See Serialization."""
        parts: list[list[int]] = [[], []]
        voice = 0
        for place, unit in enumerate(sequence):
            if unit == change:
                voice = 1 - voice
            else:
                parts[voice].append(place)
        return parts
