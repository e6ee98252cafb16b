"""`joint prepare` for Common Voice, whose clips are cut to their speech."""

from pathlib import Path
from typing import Annotated

import typer

from joint.app.cli.data.prepare import CORES, CheckOption, HeldOut, Jobs, Output, report_of
from joint.data.choices import HELD_OUT, Check
from recipes.commonvoice.choices import MIN_SPEECH


def commonvoice(
    release: Annotated[
        Path,
        typer.Argument(
            metavar="RELEASE",
            help="The folder of a release, with LANGUAGE/validated.tsv and LANGUAGE/clips; or that "
            "of one language.",
        ),
    ],
    output: Output,
    languages: Annotated[
        list[str] | None,
        typer.Option(
            "--languages",
            metavar="LANGUAGE,…",
            help="Only these languages, such as en,de; may be repeated. By default all that are "
            "there.",
        ),
    ] = None,
    min_speech: Annotated[
        float,
        typer.Option(
            "--min-speech",
            metavar="SECONDS",
            min=0.0,
            help="Skip clips with less speech than this.",
        ),
    ] = MIN_SPEECH,
    held_out: HeldOut = HELD_OUT,
    check: CheckOption = Check.FULL,
    jobs: Jobs = CORES,
) -> None:
    """Prepare Common Voice: a release, some of its languages, or the folder of one language.

    Clips are cut to their speech and written as FLAC into OUT/audio; an interrupted run is resumed.
    It is a training set; OUT/validation, the held-out speakers, has trials.

    Example: joint prepare commonvoice ~/corpora/cv-corpus-6.1 data/commonvoice --languages en,de
    """
    from recipes.commonvoice.prepare import prepare as run

    named = [name for value in languages or () for name in value.replace(",", " ").split()]
    report_of(run(release, output, named, min_speech, held_out, check, jobs))
