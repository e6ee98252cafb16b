"""`joint inspect`: what can be measured of recordings."""

from pathlib import Path
from typing import Annotated

import typer

from joint.app.cli.options import Json
from joint.app.shared.wording import properties_text
from joint.errors import AudioError, DataError
from joint.files import readable, write_json
from joint.terminal import warn


def inspect(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILES...", help="Recordings of any rate, >= 0.3 s.")
    ],
    json: Json = None,
) -> None:
    """Print what can be measured of recordings: duration, rate, seconds of speech, bandwidth,
    level, signal-to-noise ratio, clipping, digital silence, DC offset, cancelled channels.

    `verify`, `enroll`, `identify`, `extract` and `diarize` look at the same properties before they
    judge a recording. No checkpoint is needed. Recordings that cannot be used are skipped, counted
    and named in a warning.

    Example: joint inspect a.wav b.wav --json properties.json
    """
    from joint.inspection.reading import inspect_recording

    found, skipped = {}, {}
    for file in files:
        try:
            name = readable(str(file))
            found[name] = inspect_recording(file, progress=True).properties
        except AudioError as error:
            warn(f"skipped {error}")
            skipped[name] = str(error)
            continue
        rows = [f"  {what:20}{value}" for what, value in properties_text(found[name])]
        print("\n".join([f"{name}:", *rows]), flush=True)
    if not found:
        raise DataError("FILES", f"{len(skipped)} that cannot be used", "at least one recording")
    if skipped:
        warn(f"{len(skipped)} of {len(files)} skipped: {', '.join(skipped)}")
    if json:
        recordings = {file: properties.as_dict() for file, properties in found.items()}
        write_json(json, {"recordings": recordings, "skipped": skipped})
