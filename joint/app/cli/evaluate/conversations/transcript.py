"""`joint evaluate transcript`: error rates of transcripts with speakers and times."""

from pathlib import Path
from typing import Annotated

import typer

from joint.app.cli.evaluate.figures import print_figures
from joint.app.cli.options import Json
from joint.errors import DataError
from joint.files import write_json


def transcript(
    hypothesis: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="Turns with words, as `joint transcribe --output` writes them: .json (SegLST) or "
            ".stm.",
        ),
    ],
    reference: Annotated[
        Path,
        typer.Option(
            "--reference", metavar="FILE", help="The reference turns with their words, likewise."
        ),
    ],
    collar: Annotated[
        float,
        typer.Option(
            "--collar",
            metavar="SECONDS",
            min=0.0,
            help="Leave out this much around each start and end of a reference turn in the DER, "
            "half of it on either side.",
        ),
    ] = 0.0,
    json: Json = None,
) -> None:
    """Word and diarization error rates of transcripts with speakers (cpWER, DER).

    The cpWER joins the words of each speaker and assigns speakers to those of the reference as is
    best; the named word error takes them by their names, as a speaker database gives them. DER and
    JER are those of the turns. Recordings are known by the names in the files.

    Example: joint evaluate transcript found.json --reference meetings.json
    """
    from joint.conversation.turns import read_turns
    from tasks.diarization.transcripts import evaluate_transcripts

    for path in (reference, hypothesis):
        if path.suffix.lower() == ".rttm":
            raise DataError(path, "an RTTM, which has no words", ".json (SegLST) or .stm")
    try:
        figures = evaluate_transcripts(read_turns(reference), read_turns(hypothesis), collar)
    except DataError as error:
        places = {"reference": reference, "hypothesis": hypothesis}
        raise DataError(places.get(error.where, error.where), error.found, error.expected) from None
    print_figures(figures)
    if json:
        write_json(json, figures)
