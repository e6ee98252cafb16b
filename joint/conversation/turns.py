"""Speaker turns, and their files: RTTM, SegLST (JSON) and STM."""

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from joint.errors import DataError
from joint.files import atomic_write
from joint.units import SAMPLE_RATE, Samples

_OTHER_RTTM = (
    *("SEGMENT", "NOSCORE", "NO_RT_METADATA", "LEXEME", "NON-LEX", "NON-SPEECH", "FILLER"),
    *("EDIT", "IP", "SU", "CB", "A/P", "SPKR-INFO"),
)
"""Types of RTTM lines other than speaker turns; they are skipped."""

_STM_LABEL = re.compile(r"<[^<>\s]*,[^<>\s]*>\s*")
"""The label that may stand before an STM's words, such as <o,f0,female>."""


@dataclass(frozen=True)
class Turn:
    """A turn: `speaker` says `text` from `start` to `end`, which is not included.

    Raises DataError unless 0 <= start < end.
    """

    speaker: str
    start: Samples
    end: Samples
    text: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            found = f"{self.start / SAMPLE_RATE:g} to {self.end / SAMPLE_RATE:g} s"
            raise DataError("turn", found, "a start from 0 s on and a later end")


Sessions = Mapping[str, Sequence[Turn]]
"""The turns of each recording, by the recording's name."""


class Format(NamedTuple):
    """A file format: `parse(path, content)` gives pairs of recording and turn, `render` a text."""

    parse: Callable[[Path, str], Iterator[tuple[str, Turn]]]
    render: Callable[[Path, Sessions], str]


def in_order(turns: Iterable[Turn]) -> list[Turn]:
    """Sort turns by start, end and speaker."""
    return sorted(turns, key=lambda turn: (turn.start, turn.end, turn.speaker))


def read_turns(path: str | Path) -> dict[str, list[Turn]]:
    """Read the turns of each recording from an RTTM, SegLST (.json) or STM file, sorted by start.

    RTTM has no words. Raises DataError for another ending, a file that cannot be read, a malformed
    line, and a turn that does not end after its start.
    """
    path = Path(path)
    kind = format_of(path)
    try:
        content = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(path, error.strerror or str(error), "a file of turns") from error
    except UnicodeDecodeError as error:
        raise DataError(path, "bytes that are not text", "a file of turns") from error
    sessions: dict[str, list[Turn]] = {}
    for session, turn in kind.parse(path, content):
        sessions.setdefault(session, []).append(turn)
    return {session: in_order(turns) for session, turns in sessions.items()}


def write_turns(path: str | Path, sessions: Sessions) -> None:
    """Write turns as RTTM, SegLST or STM, by the ending of `path`, atomically.

    Times have five decimals, which is exact to the sample. Columns of RTTM and STM are separated by
    spaces, so a space in a name becomes `_`. Raises DataError for another ending and where two
    names would become the same, JointError where the file cannot be written.
    """
    path = Path(path)
    ordered = {session: in_order(turns) for session, turns in sessions.items()}
    atomic_write(path, format_of(path).render(path, ordered))


def format_of(path: str | Path) -> Format:
    """The format of a path's ending. Raises DataError for an unknown ending."""
    try:
        return FORMATS[Path(path).suffix.lower()]
    except KeyError:
        found = f"the ending {Path(path).suffix!r}"
        raise DataError(path, found, f"one of {', '.join(FORMATS)}") from None


def _parse_rttm(path: Path, content: str) -> Iterator[tuple[str, Turn]]:
    for where, line in _lines(path, content):
        fields = line.split()
        if fields[0] in _OTHER_RTTM:
            continue
        if fields[0] != "SPEAKER" or len(fields) < 8:
            expected = "SPEAKER RECORDING CHANNEL START DURATION <NA> <NA> NAME"
            raise DataError(where, f"{len(fields)} fields from {fields[0]!r} on", expected)
        start, duration = (_number(where, text) for text in fields[3:5])
        yield fields[1], _turn(where, fields[7], start, start + duration)


def _render_rttm(path: Path, sessions: Sessions) -> str:
    return "".join(
        f"SPEAKER {session} 1 {_seconds(turn.start)} {_seconds(turn.end - turn.start)} "
        f"<NA> <NA> {speaker} <NA> <NA>\n"
        for session, speaker, turn in _in_columns(path, sessions)
    )


def _parse_stm(path: Path, content: str) -> Iterator[tuple[str, Turn]]:
    for where, line in _lines(path, content):
        fields = line.split(maxsplit=5)
        if len(fields) < 5:
            expected = "RECORDING CHANNEL SPEAKER START END WORDS"
            raise DataError(where, f"{len(fields)} fields", expected)
        session, _, speaker, *times = fields[:5]
        start, end = (_number(where, text) for text in times)
        words = _STM_LABEL.sub("", fields[5], count=1) if len(fields) == 6 else ""
        yield session, _turn(where, speaker, start, end, words)


def _render_stm(path: Path, sessions: Sessions) -> str:
    return "".join(
        f"{session} 1 {speaker} {_seconds(turn.start)} {_seconds(turn.end)} "
        f"{' '.join(turn.text.split())}".rstrip()
        + "\n"
        for session, speaker, turn in _in_columns(path, sessions)
    )


def _parse_seglst(path: Path, content: str) -> Iterator[tuple[str, Turn]]:
    try:
        segments = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataError(path, f"no readable JSON ({error})", "a list of segments") from None
    if not isinstance(segments, list):
        raise DataError(path, type(segments).__name__, "a list of segments")
    for number, segment in enumerate(segments, start=1):
        where = f"{path}, segment {number}"
        if not isinstance(segment, dict):
            raise DataError(where, type(segment).__name__, "an object with named fields")
        session, speaker = (_name(where, segment, key) for key in ("session_id", "speaker"))
        start, end = (_number(where, segment.get(key)) for key in ("start_time", "end_time"))
        words = segment.get("words", "")
        if not isinstance(words, str):
            raise DataError(where, f"words {words!r}", "a text")
        yield session, _turn(where, speaker, start, end, words)


def _render_seglst(path: Path, sessions: Sessions) -> str:
    segments = [
        {
            "session_id": session,
            "speaker": turn.speaker,
            "start_time": round(turn.start / SAMPLE_RATE, 5),
            "end_time": round(turn.end / SAMPLE_RATE, 5),
            "words": turn.text,
        }
        for session, turns in sessions.items()
        for turn in turns
    ]
    return json.dumps(segments, indent=2, ensure_ascii=False) + "\n"


FORMATS = {
    ".rttm": Format(_parse_rttm, _render_rttm),
    ".json": Format(_parse_seglst, _render_seglst),
    ".stm": Format(_parse_stm, _render_stm),
}


def _lines(path: Path, content: str) -> Iterator[tuple[str, str]]:
    """The lines with content, each with its place in the file; `;` begins a comment."""
    for number, line in enumerate(content.split("\n"), start=1):  # words may hold U+2028
        if line.strip() and not line.lstrip().startswith(";"):
            yield f"{path}:{number}", line


def _turn(where: str, speaker: str, start: float, end: float, text: str = "") -> Turn:
    try:
        return Turn(speaker, round(start * SAMPLE_RATE), round(end * SAMPLE_RATE), text.strip())
    except DataError as error:
        raise DataError(where, error.found, error.expected) from None


def _number(where: str, value: Any) -> float:
    """A time in seconds; SegLST has numbers or text."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number * SAMPLE_RATE):
        raise DataError(where, f"time {value!r}", "a number of seconds")
    return number


def _name(where: str, segment: dict[str, Any], key: str) -> str:
    value = segment.get(key)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise DataError(where, f"{key} {value!r}", "a name")
    return str(value)


def _seconds(samples: Samples) -> str:
    return f"{samples / SAMPLE_RATE:.5f}"


def _in_columns(path: Path, sessions: Sessions) -> Iterator[tuple[str, str, Turn]]:
    """Recording, speaker and turn, with names that fit columns."""
    speakers = {turn.speaker for turns in sessions.values() for turn in turns}
    recordings, people = _tokens(path, sessions), _tokens(path, sorted(speakers))
    for session, turns in sessions.items():
        for turn in turns:
            yield recordings[session], people[turn.speaker], turn


def _tokens(path: Path, names: Iterable[str]) -> dict[str, str]:
    tokens = {name: "_".join(name.split()) for name in names}
    kept = set(tokens.values())
    if len(kept) < len(tokens) or "" in kept:
        found = "names that are empty or differ in spaces alone"
        raise DataError(path, found, "other names, or the ending .json")
    return tokens
