"""`joint evaluate conversion`: recordings in the voices of other speakers."""

from joint.app.cli.evaluate.speech import (
    PLAYED,
    Copied,
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
from joint.app.cli.options import (
    SHIPPED,
    Checkpoint,
    Data,
    Json,
    Steps,
    Temperature,
    VocoderName,
    open_model,
)
from joint.app.manner import check_manner


def conversion(
    data: Data,
    sentences: Sentences,
    checkpoint: Checkpoint = SHIPPED,
    steps: Steps = None,
    temperature: Temperature = None,
    vocoder: VocoderName = None,
    recognizer: Recognizer = None,
    kept: Kept = None,
    judge: Judge = None,
    dnsmos: DnsmosFolder = None,
    copies: Copied = True,
    limit: Limit = None,
    output: OutputFolder = None,
    json: Json = None,
    report: Report = None,
) -> None:
    """Conversion of a list's sources into the voices of its references, beside the natural sources
    and their copies by the vocoder.

    Similarity is a mean cosine: similarity_target with the reference, similarity_source with the
    source; nearer_to_target_percent is the share of pairs in which the first is greater, and
    nearer_to_target_speaker_percent the same with another recording of the source's speaker.
    f0_correlation is with the source. real_time_factor is on one thread.

    Example: joint evaluate conversion --data data/librispeech/test-clean
    --sentences data/librispeech/test-clean/conversions.tsv --judge resemblyzer
    """
    from joint.app.measuring.speech import copier, instruments_of, read_pairs
    from tasks.conversion.evaluate import evaluate_conversion

    check_manner(vocoder, "--", steps=steps, temperature=temperature)
    corpus, rows = read_pairs(data, sentences, False, limit)
    model = open_model(checkpoint)
    figures, found = evaluate_conversion(
        lambda source, target: model.convert(
            source, target, steps=steps, vocoder=vocoder, temperature=temperature
        ),
        copier(model, vocoder) if copies else None,
        corpus,
        rows,
        instruments_of(model, judge, recognizer, kept, dnsmos, copies),
        output,
        PLAYED if report else 0,
    )
    text = "Recordings in the voices of other speakers, who are known by one recording each."
    written("Voice conversion", text, figures, found, json, report)
