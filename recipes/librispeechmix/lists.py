"""The lists of LibriSpeechMix: a JSON object a line, as published, into conversations."""

import json
import math
import re
from collections.abc import Container, Iterable
from pathlib import Path
from typing import Any

from joint.data.prepare.manifests import PrepareReport
from joint.errors import DataError
from joint.files import read_lines
from joint.units import SAMPLE_RATE
from recipes.librispeech.sources import TEST, VALIDATION
from tasks.recognition.conversations.lists import (
    Conversation,
    Conversations,
    Turn,
    write_conversations,
)

NAME = re.compile(r"(.+)-([1-8])mix\.jsonl")
SPLITS = {VALIDATION: "validation", TEST: "test"}


def find_lists(folder: str | Path) -> dict[str, dict[str, Path]]:
    """By split, the published lists of `folder` or of list/ in it, under the names they will have:
    `{"test": {"mix2_recognition.csv": …/test-clean-2mix.jsonl}}`. Raises DataError for no list
    of the test split.
    """
    root = Path(folder)
    found: dict[str, dict[str, Path]] = {}
    for path in sorted((*root.glob("*.jsonl"), *root.glob("list/*.jsonl"))):
        name = NAME.fullmatch(path.name)
        if name and name[1] in SPLITS:
            lists = found.setdefault(SPLITS[name[1]], {})
            lists[f"mix{name[2]}_recognition.csv"] = path
    if "test" not in found:
        raise DataError(root, "no list of test-clean", "test-clean-2mix.jsonl, or list/ with it")
    return found


def read_list(path: Path) -> tuple[Conversations, dict[str, str]]:
    """The conversations of a published list, and the text it gives for each utterance.

    A start is the published delay cut down to whole samples, as the published mixing does; the
    enrolment is the first recording of the speaker's profile. Raises DataError for a line that is
    no JSON object, lacks a field or has one of another form.
    """
    rows: list[Conversation] = []
    texts: dict[str, str] = {}
    name = NAME.fullmatch(path.name)
    speakers = int(name[2]) if name else None
    for number, line in enumerate(read_lines(path, "lines of JSON"), start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            fields = json.loads(line)
        except json.JSONDecodeError as error:
            raise DataError(where, f"no JSON ({error.msg})", "an object a line") from error
        if not isinstance(fields, dict):
            raise DataError(where, type(fields).__name__, "an object a line")
        turns = _turns(where, fields, speakers)
        rows.append(Conversation(_text(where, fields, "id").split("/")[-1], turns, number))
        spoken = _values(where, fields, "texts", str, len(turns))
        texts |= {turn.utterance: text for turn, text in zip(turns, spoken, strict=True)}
    if not rows:
        raise DataError(path, "no rows", "an object a line")
    return Conversations(path, tuple(rows)), texts


def write_usable(
    path: Path, rows: Iterable[Conversation], known: Container[str], report: PrepareReport
) -> None:
    """Those of `rows` whose utterances and enrolments are `known`; how many others is warned.

    Raises DataError where none is left.
    """
    rows = list(rows)
    usable = [
        row
        for row in rows
        if all(turn.utterance in known for turn in row.turns)
        and all(turn.enrollment is None or turn.enrollment in known for turn in row.turns)
    ]
    if not usable:
        raise DataError(path.name, f"none of {len(rows)} mixtures usable", "their recordings")
    if lost := len(rows) - len(usable):
        report.warned.append(
            f"{path.name}: {lost} of {len(rows)} mixtures left out, a recording is not there or bad"
        )
    write_conversations(path, usable)


def _turns(where: str, fields: dict[str, Any], speakers: int | None) -> tuple[Turn, ...]:
    wavs = _values(where, fields, "wavs", str, speakers)
    delays = _values(where, fields, "delays", (int, float), len(wavs))
    if delays[0] != 0 or not all(map(math.isfinite, delays)) or delays != sorted(delays):
        raise DataError(where, f"delays {delays}", "seconds, the first 0, in order")
    profiles = _profiles(where, fields, len(wavs))
    return tuple(
        Turn(Path(wav).stem, int(delay * SAMPLE_RATE), profile)
        for wav, delay, profile in zip(wavs, delays, profiles, strict=True)
    )


def _profiles(where: str, fields: dict[str, Any], speakers: int) -> list[str | None]:
    """An enrolment for every speaker; None where the list has no profiles."""
    if "speaker_profile" not in fields:
        return [None] * speakers
    profiles = _values(where, fields, "speaker_profile", list)
    chosen = _values(where, fields, "speaker_profile_index", int, speakers)
    if strange := [i for i in chosen if not 0 <= i < len(profiles)]:
        found = f"speaker_profile_index {strange[0]}"
        raise DataError(where, found, f"0 to {len(profiles) - 1}")
    own = [profiles[i] for i in chosen]
    if not all(profile and isinstance(profile[0], str) for profile in own):
        raise DataError(where, "a speaker_profile without recordings", "lists of paths")
    return [Path(profile[0]).stem for profile in own]


def _values(
    where: str,
    fields: dict[str, Any],
    key: str,
    kind: type | tuple[type, ...],
    count: int | None = None,
) -> list[Any]:
    """A list of `count` values of one kind."""
    values = fields.get(key)
    if not isinstance(values, list) or not values or not all(isinstance(v, kind) for v in values):
        found = f"{key} {json.dumps(values)[:80]}" if key in fields else f"no {key}"
        raise DataError(where, found, "a list of them")
    if count is not None and len(values) != count:
        raise DataError(where, f"{len(values)} {key}", f"{count}, one for each speaker")
    return values


def _text(where: str, fields: dict[str, Any], key: str) -> str:
    value = fields.get(key)
    if not isinstance(value, str) or not value:
        found = f"{key} {value!r}" if key in fields else f"no {key}"
        raise DataError(where, found, "a name")
    return value
