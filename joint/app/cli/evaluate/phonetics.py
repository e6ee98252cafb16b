"""`joint evaluate phonetics`: the frame accuracy of a phone classifier."""

from typing import Annotated

import typer

from joint.app.cli.evaluate.figures import print_figures
from joint.app.cli.options import AlignedData, Checkpoint, Json, open_model
from joint.files import write_json


def phonetics(
    checkpoint: Checkpoint,
    data: AlignedData,
    task: Annotated[
        str | None,
        typer.Option(
            "--task",
            metavar="NAME",
            help="The task to evaluate, where the checkpoint has several that classify frames.",
        ),
    ] = None,
    json: Json = None,
) -> None:
    """Share of frames whose phone is classified correctly, in all and for each phone.

    Example: joint evaluate phonetics --checkpoint exp/phonetics --data data/speechocean762/test
    """
    from joint.data.opening import open_corpus
    from tasks.phonetics.evaluate import evaluate_phones
    from tasks.phonetics.select import frame_head

    corpus = open_corpus(data)
    model = open_model(checkpoint)
    name, head = frame_head(model.model, model.path, task)
    phones = tuple(model.metadata.get("phones", ()))
    view = model.model.view(name)
    figures = evaluate_phones(head, view, corpus, phones, model.precision)
    print_figures(figures)
    if json:
        write_json(json, figures)
