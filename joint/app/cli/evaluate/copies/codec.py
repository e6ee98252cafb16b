"""`joint evaluate codec`: what its quantisers leave of recordings, and what they hold."""

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
    Sentences,
    written,
)
from joint.app.cli.options import Checkpoint, Data, Json, open_model


def codec(
    checkpoint: Checkpoint,
    data: Data,
    sentences: Sentences,
    probe: Annotated[
        bool,
        typer.Option(
            "--probe",
            help="Also probe the vectors of each quantiser for phones (the corpus must be aligned) "
            "and for the speaker, on at most 800 utterances.",
        ),
    ] = False,
    recognizer: Recognizer = None,
    kept: Kept = None,
    judge: Judge = None,
    dnsmos: DnsmosFolder = None,
    limit: Limit = None,
    output: OutputFolder = None,
    json: Json = None,
    report: Report = None,
) -> None:
    """Recordings through 1, 2, 4 … and all quantisers of a codec, beside the vocoder alone.

    With --probe each quantiser's vectors are probed: phones_percent is the balanced accuracy of a
    linear probe for the phone of a frame, of speakers outside its training; speaker_percent that
    for the speaker of a recording, of texts outside its training. The other figures are those of
    `joint evaluate vocoder`.

    Example: joint evaluate codec --checkpoint exp/codec/codec --data data/librispeech/test-clean
    --sentences data/librispeech/test-clean/sentences.tsv --judge resemblyzer --probe
    """
    from joint.app.measuring.codec import by_quantizer, codec_of, copies_by
    from joint.app.measuring.speech import instruments_of, read_pairs
    from joint.synthesis.evaluation.copies import evaluate_copies

    corpus, rows = read_pairs(data, sentences, True, limit)
    model = open_model(checkpoint)
    used = codec_of(model)
    held = by_quantizer(used, corpus) if probe else None
    instruments = instruments_of(model, judge, recognizer, kept, dnsmos)
    figures, found = evaluate_copies(
        copies_by(used), corpus, rows, instruments, output, PLAYED if report else 0
    )
    if held is not None:
        figures["by_quantizer"] = held
    text = f"Recordings of {corpus.where}, through the codes of a codec and back."
    written("Codec", text, figures, found, json, report)
