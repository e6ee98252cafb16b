"""UEM files: which parts of a recording are evaluated."""

import math
from pathlib import Path

from joint.errors import DataError
from joint.files import read_lines
from joint.inspection.speech import Region
from joint.units import SAMPLE_RATE
from tasks.diarization.segments import joined

EXPECTED = "RECORDING CHANNEL START END, in seconds"


def read_uem(path: str | Path) -> dict[str, list[Region]]:
    """Read the evaluated regions of each recording, in order; those that touch or overlap are one.

    Raises DataError for a file that cannot be read, a malformed line, and a region that does not
    end after its start.
    """
    found: dict[str, list[Region]] = {}
    for number, line in enumerate(read_lines(path, f"lines of {EXPECTED}"), start=1):
        if not line.strip() or line.lstrip().startswith(";"):
            continue
        where, fields = f"{path}:{number}", line.split()
        if len(fields) != 4:
            raise DataError(where, f"{len(fields)} fields", EXPECTED)
        name, _, *times = fields
        start, end = (_number(where, text) for text in times)
        region = Region(round(start * SAMPLE_RATE), round(end * SAMPLE_RATE))
        if not 0 <= region.start < region.end:
            raise DataError(where, f"{start:g} to {end:g} s", "a start from 0 s on and a later end")
        found.setdefault(name, []).append(region)
    return {name: joined(regions) for name, regions in found.items()}


def _number(where: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise DataError(where, f"time {text!r}", "a number of seconds")
    return number
