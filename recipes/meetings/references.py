"""The turns and evaluated regions of recordings, as RTTM and UEM files have them."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from joint.conversation.turns import Turn
from joint.errors import DataError
from joint.files import read_lines
from joint.inspection.speech import Region
from tasks.diarization.meetings import Meeting


@dataclass(frozen=True)
class References:
    """Turns and regions by recording; `scored` is None where there is no UEM file at all."""

    turns: dict[str, list[Turn]]
    scored: dict[str, list[Region]] | None

    def meeting(self, name: str, path: Path, where: str | Path) -> Meeting:
        """The meeting of a recording. Raises DataError, at `where`, for a name that the UEM files
        lack or, without any, the RTTM files; only a UEM can say that a recording has no turn."""
        known = self.turns if self.scored is None else self.scored
        if name not in known:
            kind = "RTTM" if self.scored is None else "UEM"
            raise unknown(where, f"the recording {name}", list(known), f"one of the {kind} files")
        scored = None if self.scored is None else self.scored[name]
        return Meeting(name, path, self.turns.get(name, []), scored)


def read_list(path: Path) -> list[str]:
    """The recordings that a `.lst` file names, one a line. Raises DataError for none, and for one
    that occurs twice."""
    expected = "a recording's name a line"
    names = [name for line in read_lines(path, expected) if (name := line.strip())]
    if not names:
        raise DataError(path, "an empty list", expected)
    if len(set(names)) < len(names):
        repeated = next(name for i, name in enumerate(names) if name in names[:i])
        raise DataError(path, f"{repeated} a second time", "every recording once")
    return names


def unknown(where: str | Path, found: str, known: Sequence[str], expected: str) -> DataError:
    """The error of a name, the last word of `found`, that is not `known`, with the nearest that
    is."""
    near = get_close_matches(found.split()[-1], known, 1)
    return DataError(where, found, f"{expected}, {near[0]!r} perhaps" if near else expected)
