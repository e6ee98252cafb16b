"""`joint evaluate vocoder`: how well a vocoder copies recordings."""

from pathlib import Path
from typing import Annotated

import typer

from joint.app.cli.evaluate.speech import (
    PLAYED,
    DnsmosFolder,
    Judge,
    Kept,
    Limit,
    OutputFolder,
    Recognizer,
    Report,
    written,
)
from joint.app.cli.options import Checkpoint, Data, Json, open_model


def vocoder(
    checkpoint: Checkpoint,
    data: Data,
    sentences: Annotated[
        Path | None,
        typer.Option(
            "--sentences",
            metavar="FILE.tsv",
            help="A list with the columns id, text, source and reference, such as sentences.tsv "
            "that `joint prepare` writes: its sources are copied, its references are other "
            "recordings of their speakers. By default all recordings.",
        ),
    ] = None,
    recognizer: Recognizer = None,
    kept: Kept = None,
    judge: Judge = None,
    dnsmos: DnsmosFolder = None,
    limit: Limit = None,
    output: OutputFolder = None,
    json: Json = None,
    report: Report = None,
) -> None:
    """Copy synthesis: recordings through their own log-mel spectrograms and back, beside
    Griffin-Lim.

    mel_error is the mean absolute difference of natural logarithms; f0_error_cents is over frames
    that are voiced in both. Similarity is a mean cosine: similarity_natural with the recording that
    is copied, similarity_own with another one of its speaker. real_time_factor is on one thread.

    Example: joint evaluate vocoder --checkpoint exp/vocoder --data data/librispeech/test-clean
    --sentences data/librispeech/test-clean/sentences.tsv --judge resemblyzer
    """
    from joint.app.manner import GRIFFIN_LIM
    from joint.app.measuring.speech import copier, instruments_of, read_pairs
    from joint.data.opening import open_corpus
    from joint.synthesis.evaluation.copies import evaluate_copies, every_recording

    if sentences is not None:
        corpus, rows = read_pairs(data, sentences, True, limit)
    else:
        corpus = open_corpus(data)
        rows = every_recording(corpus)[:limit]
    model = open_model(checkpoint)
    copies = {"copy synthesis": copier(model), "Griffin-Lim": copier(model, GRIFFIN_LIM)}
    instruments = instruments_of(model, judge, recognizer, kept, dnsmos)
    figures, found = evaluate_copies(
        copies, corpus, rows, instruments, output, PLAYED if report else 0
    )
    text = f"Recordings of {corpus.where}, through their log-mel spectrograms and back."
    written("Copy synthesis", text, figures, found, json, report)
