"""LibriMix's mixtures: their utterances and the levels of these."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from joint.audio import inspect_audio, read_audio
from joint.errors import AudioError, DataError
from joint.files import refuse_extra_fields
from joint.units import SAMPLE_RATE, Decibels, Hertz, Samples

GENERATED = "wav{thousands}k/{mode}/metadata/mixture_{short}_mix_{kind}.csv"
PUBLISHED = "libri{n}mix_{part}.csv"

RATES = {16_000: 8_000, 8_000: 16_000}
"""Of each rate that LibriMix has, the other one."""

UNLIKE = 1e-4
"""Share of a source's power that its utterance may leave unexplained: 16-bit rounding leaves less
than 1e-5 of it at LibriMix's levels, another utterance all of it."""


@dataclass(frozen=True, slots=True)
class Mixture:
    """Utterances of one mixture; `gains` by which they were scaled, or the `sources` to find them;
    `line` of the list."""

    mix_id: str
    utterances: tuple[str, ...]
    line: int
    gains: tuple[float, ...] = ()
    sources: tuple[Path, ...] = ()


class Levels(NamedTuple):
    """Of each utterance in a mixture: its gain, and its power over the shortest one's length, which
    is `shortest` at 16 kHz."""

    gains_db: tuple[Decibels, ...]
    powers_db: tuple[Decibels, ...]
    shortest: Samples


def find_lists(folder: str | Path, part: str, rate: Hertz = SAMPLE_RATE) -> dict[int, Path]:
    """The list of the mixtures of a part, such as test-clean, by the number of speakers.

    `folder` is Libri2Mix or a folder with Libri2Mix, Libri3Mix … in it, each as generated (mode
    `max` or `min`, which have the same utterances and gains) or as its published metadata, which
    serves every rate.
    """
    root, short = Path(folder), part.replace("-clean", "")
    patterns = [
        GENERATED.format(thousands=rate // 1000, mode=mode, short=short, kind=kind)
        for mode in ("max", "min")
        for kind in ("clean", "both")
    ]
    found: dict[int, Path] = {}
    for n in range(2, 5):
        name = f"Libri{n}Mix"
        folders = [root / name, root / "metadata" / name, *([root] if root.name == name else [])]
        for pattern in (*patterns, PUBLISHED.format(n=n, part=part)):
            if listed := [path for f in folders if (path := f / pattern).is_file()]:
                found.setdefault(n, listed[0])
    return found


def refuse_missing(folder: str | Path, part: str, rate: Hertz) -> None:
    """Raise DataError where there is no list of a part, saying whether there is one at the other
    rate."""
    if find_lists(folder, part, rate):
        return
    other = RATES[rate]
    if there := find_lists(folder, part, other):
        found = f"mixtures at {other // 1000} kHz alone ({min(there.values())})"
        raise DataError(folder, found, f"a list at {rate // 1000} kHz, or --rate {other}")
    expected = f"Libri2Mix/{GENERATED} or libri2mix_{part}.csv".format(
        thousands=rate // 1000, mode="max", short=part.replace("-clean", ""), kind="clean"
    )
    raise DataError(folder, f"no mixtures of {part} at {rate // 1000} kHz", expected)


def read_mixtures(path: Path, speakers: int) -> list[Mixture]:
    """The mixtures of a list: the generator's `mixture_test_mix_clean.csv`, or the published
    `libri2mix_test-clean.csv` with its gains. Raises DataError for a list of another form.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            mixtures = list(_mixtures(path, csv.DictReader(file), speakers))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(path, f"an unreadable list ({error})", "a list of mixtures") from error
    if not mixtures:
        raise DataError(path, "no rows", "a row for each mixture")
    return mixtures


def measure(mixture: Mixture, recordings: list[Path]) -> Levels:
    """Levels of the utterances, whose recordings in LibriSpeech are given.

    Where the list has no gains, each is the one that leaves least of the generated source. Raises
    DataError for a source that is not its utterance, AudioError for a file that cannot be used.
    """
    waveforms = [read_audio(path).astype(np.float64) for path in recordings]
    gains = mixture.gains or tuple(
        _gain(path, waveform, name)
        for path, waveform, name in zip(mixture.sources, waveforms, mixture.utterances, strict=True)
    )
    shortest = min(map(len, waveforms))
    powers = [float(np.mean(np.square(waveform[:shortest]))) for waveform in waveforms]
    if silent := [path for path, power in zip(recordings, powers, strict=True) if power == 0]:
        raise AudioError(silent[0], f"silence in all of {mixture.mix_id}", "speech to mix")
    gains_db = [20 * np.log10(gain) for gain in gains]
    powers_db = [g + 10 * np.log10(p) for g, p in zip(gains_db, powers, strict=True)]
    return Levels(tuple(map(float, gains_db)), tuple(map(float, powers_db)), shortest)


def _gain(path: Path, waveform: np.ndarray, name: str) -> float:
    """The factor of `waveform`, at 16 kHz, in a generated source, of which one may be longer."""
    rate = inspect_audio(path, whole=False).sample_rate
    source = read_audio(path, rate).astype(np.float64)
    if rate != SAMPLE_RATE:
        from scipy.signal import resample_poly  # slow to import; what LibriMix's scripts use

        waveform = resample_poly(waveform, rate, SAMPLE_RATE)
    length = min(len(source), len(waveform))
    source, waveform = source[:length], waveform[:length]
    gain = float(source @ waveform / max(float(waveform @ waveform), 1e-12))
    left = source - gain * waveform
    if gain <= 0 or left @ left > UNLIKE * (source @ source):
        raise DataError(path, "another recording", f"LibriSpeech's {name}, scaled")
    return gain


def _mixtures(path: Path, table: csv.DictReader, speakers: int) -> Iterator[Mixture]:
    header = table.fieldnames or ()
    columns = [f"source_{n + 1}_path" for n in range(speakers)]
    if missing := [name for name in ("mixture_ID", *columns) if name not in header]:
        found = f"no column {missing[0]} ({', '.join(header) or 'an empty file'})"
        raise DataError(path, found, f"mixture_ID,{','.join(columns)}")
    scaled = "source_1_gain" in header
    for record in table:
        where = f"{path}:{table.line_num}"
        refuse_extra_fields(where, record)
        name = record["mixture_ID"] or ""
        utterances = tuple(name.split("_"))
        if len(utterances) != speakers or not all(map(_UTTERANCE.fullmatch, utterances)):
            found = f"mixture_ID {name!r}"
            raise DataError(where, found, f"{speakers} utterances joined by _")
        if scaled:
            paths = [record[column] or "" for column in columns]
            if other := [p for p, u in zip(paths, utterances, strict=True) if Path(p).stem != u]:
                raise DataError(where, f"{other[0]!r} in mixture_ID {name}", "its utterances")
            gains = tuple(_number(where, record, f"source_{n + 1}_gain") for n in range(speakers))
            yield Mixture(name, utterances, table.line_num, gains=gains)
        else:
            # The paths in the list are those of the machine on which it was generated.
            split = path.parents[1] / path.name.split("_")[1]
            sources = [split / f"s{n + 1}" / f"{name}.wav" for n in range(speakers)]
            yield Mixture(name, utterances, table.line_num, sources=tuple(sources))


_UTTERANCE = re.compile(r"\d+-\d+-\d+")


def _number(where: str, record: dict[str, str | None], column: str) -> float:
    try:
        value = float(record.get(column) or "")
    except ValueError:
        value = float("nan")
    if not 0 < value < float("inf"):
        raise DataError(where, f"{column} {record.get(column)!r}", "a factor above 0")
    return value
