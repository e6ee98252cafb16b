"""`joint evaluate activity`: target-speaker voice activity detection on simulated conversations."""

from typing import Annotated

import typer

from joint.app.cli.evaluate.figures import print_figures
from joint.app.cli.options import SHIPPED, Checkpoint, Data, Json, open_model
from joint.files import write_json


def activity(
    data: Data,
    checkpoint: Checkpoint = SHIPPED,
    speakers: Annotated[
        int,
        typer.Option("--speakers", metavar="N", min=1, help="People in each conversation."),
    ] = 2,
    count: Annotated[
        int, typer.Option("--count", metavar="N", min=1, help="How many conversations.")
    ] = 40,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="The same seed draws the same conversations.")
    ] = 0,
    json: Json = None,
) -> None:
    """Error rates of target-speaker voice activity detection, beside those of clustering.

    Conversations are made of the corpus's recordings: three turns of each person, with overlap and
    pauses; every person is enrolled with a recording of another text. Clustering is given where
    speech is and the number of speakers. The checkpoint has a task of activity, which
    recipes/speechocean762/activity.yaml trains.

    Example: joint evaluate activity --data data/speechocean762/test --checkpoint exp/activity
    """
    from joint.app.measuring.activity import evaluate_activity
    from joint.data.opening import open_corpus

    corpus = open_corpus(data)
    figures = evaluate_activity(
        open_model(checkpoint), corpus, speakers, count, seed, progress=True
    )
    print_figures(figures)
    if json:
        write_json(json, figures)
