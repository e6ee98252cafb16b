"""`joint evaluate synthesis`: text to speech in the voices of enrolled speakers."""

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
    TopP,
    VocoderName,
    open_model,
)
from joint.app.manner import check_manner


def synthesis(
    data: Data,
    sentences: Sentences,
    checkpoint: Checkpoint = SHIPPED,
    steps: Steps = None,
    temperature: Temperature = None,
    top_p: TopP = None,
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
    """Text to speech in the voices of a list's references, beside the natural recordings and their
    copies by the vocoder.

    Similarity is a mean cosine: similarity_own with the reference, similarity_source with the
    natural recording, similarity_other with the references of the other speakers. gap_percent is
    own minus other, where natural recordings are 100; nearer_to_own_percent the share of sentences
    with own above other. real_time_factor is on one thread.

    Example: joint evaluate synthesis --data data/librispeech/test-clean
    --sentences data/librispeech/test-clean/sentences.tsv --judge resemblyzer
    """
    from joint.app.measuring.speech import (
        instruments_of,
        read_pairs,
        speaker,
        voice_copier,
    )
    from tasks.synthesis.evaluate import evaluate_synthesis

    check_manner(vocoder, "--", steps=steps, temperature=temperature, top_p=top_p)
    corpus, rows = read_pairs(data, sentences, True, limit)
    model = open_model(checkpoint)
    figures, found = evaluate_synthesis(
        speaker(model, vocoder, steps, temperature, top_p),
        voice_copier(model, vocoder) if copies else None,
        corpus,
        rows,
        instruments_of(model, judge, recognizer, kept, dnsmos, copies),
        output,
        PLAYED if report else 0,
    )
    text = "Sentences in the voices of speakers who are known by one other recording each."
    written("Text to speech", text, figures, found, json, report)
