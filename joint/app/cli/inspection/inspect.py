"""`joint inspect`: what can be measured of recordings."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from joint.app.cli.options import Json
from joint.errors import AudioError, DataError
from joint.files import readable, write_json
from joint.terminal import warn

if TYPE_CHECKING:
    from joint.inspection.properties import Properties


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
        print("\n".join([f"{name}:", *_lines(found[name])]), flush=True)
    if not found:
        raise DataError("FILES", f"{len(skipped)} that cannot be used", "at least one recording")
    if skipped:
        warn(f"{len(skipped)} of {len(files)} skipped: {', '.join(skipped)}")
    if json:
        recordings = {file: properties.as_dict() for file, properties in found.items()}
        write_json(json, {"recordings": recordings, "skipped": skipped})


def _lines(p: "Properties") -> list[str]:
    channels = "1 channel" if p.channels == 1 else f"{p.channels} channels"
    noise = "-" if p.snr_db is None else f"{p.snr_db:.0f} dB"
    rows = {
        "duration": f"{p.seconds:.2f} s",
        "stored": f"{p.sample_rate} Hz, {channels}",
        "content": p.content,
        "speech": f"{p.speech_seconds:.2f} s",
        "bandwidth": f"{p.bandwidth_hertz / 1000:.1f} kHz",
        "level": f"{p.level_db:.0f} dB of full scale",
        "SNR": noise,
        "clipped": f"{100 * p.clipped_share:.2f} %",
        "digital silence": f"{100 * p.zeros_share:.1f} %",
        "DC offset": f"{p.dc_offset:.4f}",
        "cancelled channels": f"{p.cancelled_db:.0f} dB",
    }
    return [f"  {name:20}{value}" for name, value in rows.items()]
