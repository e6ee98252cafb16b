"""The options that link speakers to the people on screen."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from joint.errors import ConfigError

VideoOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--video",
        metavar="VIDEO",
        help="The video of the one recording, which may be FILE itself, or a folder of pictures "
        "with `frames.tsv`, a line SECONDS FILE for each. Speakers are linked to the people on "
        "screen.",
    ),
]
PortraitsOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--portraits",
        metavar="PEOPLE",
        help="A folder with a folder of pictures for each known person, NAME/*.jpg, named as in "
        "the speaker database, for --video.",
    ),
]
DetectorOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--detector",
        metavar="YUNET.onnx",
        help="YuNet's file, which finds people of 10 pixels and more on screen, for --video; by "
        "default dlib's detector, which needs 80 pixels and a frontal view.",
    ),
]
TracksOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--tracks",
        metavar="FILE",
        help="Also write the people on screen, where they are in each picture, and when they "
        "speak, as a JSON object, for --video.",
    ),
]


def check_screen(video: Path | None, files: Sequence[Path], others: dict[str, Path | None]) -> None:
    """Raise ConfigError for a video of several recordings, and for other options without one."""
    if video is not None and len(files) > 1:
        raise ConfigError("--video", f"{len(files)} recordings", "one, of which it is the video")
    given = [option for option, path in others.items() if path is not None]
    if video is None and given:
        raise ConfigError(given[0], "no --video", "--video VIDEO too")
