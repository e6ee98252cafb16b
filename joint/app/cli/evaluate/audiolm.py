"""`joint evaluate audiolm`: verification by a language model on pairs of recordings."""

from typing import Annotated, Literal

import typer

from joint.app.cli.evaluate.figures import print_figures
from joint.app.cli.options import SHIPPED, Checkpoint, Data, Json, check_threshold, open_model
from joint.files import write_json


def audiolm(
    data: Data,
    checkpoint: Checkpoint = SHIPPED,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="MODEL",
            help="In place of the checkpoint's task: a language model that takes audio, as it is: "
            "a folder, or OWNER/NAME on the hub, such as Qwen/Qwen2-Audio-7B-Instruct.",
        ),
    ] = None,
    form: Annotated[
        Literal["two clips", "concatenated"],
        typer.Option(
            "--form",
            metavar="FORM",
            help="How --model is given a pair: `two clips` in one prompt, or one in which they are "
            "`concatenated`, with silence between them.",
        ),
    ] = "two clips",
    pairs: Annotated[
        int,
        typer.Option("--pairs", metavar="N", min=4, help="Pairs, half of them of one speaker."),
    ] = 1000,
    hard: Annotated[
        float,
        typer.Option(
            "--hard",
            metavar="SHARE",
            min=0.0,
            max=1.0,
            help="Share of the pairs of two speakers whose recordings are among the most similar "
            "ones by the encoder's cosine.",
        ),
    ] = 0.5,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="The same seed draws the same pairs.")
    ] = 0,
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold",
            metavar="COSINE",
            help="Above it the cosine accepts; by default the checkpoint's own.",
        ),
    ] = None,
    recognizer: Annotated[
        str | None,
        typer.Option(
            "--recognizer",
            metavar="KIND:FOLDER",
            help="For a checkpoint that asks for words too: what transcribes the recordings, such "
            "as faster-whisper:DIR, in place of the corpus's texts.",
        ),
    ] = None,
    json: Json = None,
) -> None:
    """Accuracy and EER of a language model that is asked whether two recordings are of one speaker,
    beside those of the encoder's cosine; also by gender, length and noise.

    The answer is yes where its tokens are more probable than those of no. A checkpoint of
    recipes/audiolm answers from embeddings.

    Example: joint evaluate audiolm --data data/speechocean762/test --checkpoint exp/audiolm/voices
    """
    from joint.app.measuring.audiolm import evaluate_audiolm
    from joint.data.opening import open_corpus
    from joint.metrics.recognizers import load_recognizer

    check_threshold(threshold)
    corpus = open_corpus(data)
    transcribe = load_recognizer(recognizer).transcribe if recognizer else None
    loaded = open_model(checkpoint, () if model else None)
    figures = evaluate_audiolm(
        loaded, corpus, pairs, hard, seed, threshold, model, form, transcribe
    )
    print_figures(figures)
    if json:
        write_json(json, figures)
