"""`joint identify`: who of a voice book speaks?"""

from pathlib import Path
from typing import Annotated

import typer

from joint.app.cli.options import Book, Checkpoint, Json, Threshold, check_threshold, open_model
from joint.errors import CheckpointError
from joint.files import write_json


def identify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A recording of one person.")],
    book: Book,
    checkpoint: Checkpoint,
    threshold: Threshold = None,
    top: Annotated[
        int, typer.Option("--top", metavar="N", min=1, help="List the N nearest people.")
    ] = 1,
    json: Json = None,
) -> None:
    """Print the enrolled person who speaks, or `nobody known` where the nearest is below the
    threshold.

    The score is as in `joint verify`: the mean cosine with the person's recordings. So is the
    probability, of that person or not. The more people are enrolled, the more strangers resemble
    one of them: raise the threshold for a large book.

    Example: joint identify who.wav --book voices --checkpoint speechocean762-joint
    """
    from joint.audio import read_audio
    from tasks.verification.enrolment.files import read_book

    check_threshold(threshold)
    read_book(book)
    recording = read_audio(file)
    model = open_model(checkpoint, tasks=())
    least = model.threshold if threshold is None else threshold
    if least is None:
        raise CheckpointError(model.path, "no threshold", "one, or --threshold T")
    ranked = read_book(book, model.identity).rank(model.embed([recording])[0])[:top]
    best = ranked[0]
    known = best.score >= least

    def shown(score: float) -> str:
        chance = model.probability(score)
        return f"score {score:.4f}" + ("" if chance is None else f", probability {chance:.3f}")

    answer = best.name if known else f"nobody known, nearest {best.name}"
    print(f"{answer}: {shown(best.score)} (threshold {least:.4f})")
    if top > 1:
        for place, match in enumerate(ranked, start=1):
            print(f"{place:>3}  {match.name}: {shown(match.score)}")
    if json:
        figures = {
            "person": best.name if known else None,
            "nearest": best.name,
            "score": best.score,
            "probability": model.probability(best.score),
            "threshold": least,
            "scores": {match.name: match.score for match in ranked},
        }
        write_json(json, figures)
