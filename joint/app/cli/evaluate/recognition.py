"""`joint evaluate recognition`: the error rates of a recogniser on recordings or mixtures."""

from pathlib import Path
from typing import Annotated

import typer

from joint.app.cli.evaluate.figures import print_figures
from joint.app.cli.evaluate.speech import Kept
from joint.app.cli.inference.decoding import (
    BONUS,
    ORDER,
    WEIGHT,
    Beam,
    Bonus,
    CtcWeight,
    LanguageModel,
    Lexicon,
    Mode,
    Order,
    TaskName,
    Weight,
)
from joint.app.cli.options import SHIPPED, Checkpoint, Data, Json, Threshold, open_model
from joint.errors import ConfigError
from joint.files import write_json


def recognition(
    data: Data,
    checkpoint: Checkpoint = SHIPPED,
    conversations: Annotated[
        Path | None,
        typer.Option(
            "--conversations",
            metavar="FILE.csv",
            help="Mixtures to recognise, in the columns mix_id,first,second,delay_samples,"
            "enrollment_first,enrollment_second: utterance ids of the data, and the delay of the "
            "second in samples at 16 kHz. By default each recording by itself.",
        ),
    ] = None,
    mode: Mode = None,
    task: TaskName = None,
    beam: Beam = None,
    language_model: LanguageModel = None,
    lexicon: Lexicon = None,
    order: Order = ORDER,
    weight: Weight = WEIGHT,
    bonus: Bonus = BONUS,
    ctc_weight: CtcWeight = None,
    attributed: Annotated[
        bool,
        typer.Option(
            "--attributed",
            help="Assign the outputs of a recogniser of mode simo or siso to the enrolled speakers "
            "by their embeddings.",
        ),
    ] = False,
    threshold: Threshold = None,
    recognizer: Annotated[
        str | None,
        typer.Option(
            "--recognizer",
            metavar="faster-whisper:DIR",
            help="Extract each enrolled speaker with the checkpoint's extractor and recognise the "
            "extracted speech with the Whisper model in DIR (needs the extra `recognition`).",
        ),
    ] = None,
    kept: Kept = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", metavar="N", min=1, help="Only the first N mixtures; by default all."
        ),
    ] = None,
    transcripts: Annotated[
        Path | None,
        typer.Option(
            "--transcripts",
            metavar="FILE.json",
            help="Also write the reference and the hypothesis of each mixture.",
        ),
    ] = None,
    json: Json = None,
) -> None:
    """Word error rates in percent, or phone error rates for a recogniser of phones.

    error_percent is the cpWER: the words of each speaker are concatenated and the outputs are
    compared in their best order. channel_error_percent is the ORC-WER, which does not ask who
    speaks. With enrolments, person_error_percent compares each output with the words of its own
    speaker; words for an absent one are counted in words_for_absent alone. With --attributed it
    compares the output that was assigned to the speaker, and counts all words of absent and unknown
    speakers as errors; named_share is the share of correct assignments.

    With --recognizer the checkpoint needs an extractor and no recogniser. mixture_error_percent is
    then the cpWER of the mixture recognised without extraction, as one output,
    mixture_to_each_error_percent with that output for every speaker, and reference_error_percent
    that of the single recordings.

    Example: joint evaluate recognition --checkpoint exp/recognition/simo --data data/test
    --conversations CORPUS/test/mix2_recognition.csv
    """
    from joint.data.opening import open_corpus

    decoding = (beam, language_model, lexicon, order, weight, bonus, ctc_weight)
    if recognizer is not None:
        from joint.app.measuring.cascade import kept_words, run_cascade
        from joint.metrics.recognizers import load_recognizer
        from tasks.recognition.conversations.lists import Conversations

        given = (mode, task, attributed or None, threshold, *decoding)
        if given != (*(None,) * 7, ORDER, WEIGHT, BONUS, None):
            found = "an option of a recogniser in the checkpoint"
            raise ConfigError("--recognizer", found, "none of its options")
        if conversations is None:
            found = "no list of mixtures"
            raise ConfigError("--recognizer", found, "--conversations FILE.csv with enrolments")
        listed = Conversations.load(conversations)
        corpus = open_corpus(data)
        extract = open_model(checkpoint, ["extraction"]).estimate
        recognise = load_recognizer(recognizer)
        file = kept and kept_words(kept, recognizer)
        figures, written = run_cascade(extract, recognise, corpus, listed, limit, file)
    else:
        from joint.app.measuring.recognition import run_recognition

        if kept is not None:
            raise ConfigError("--kept", "no recogniser beside the checkpoint", "--recognizer too")
        figures, written = run_recognition(
            open_model(checkpoint),
            open_corpus(data),
            conversations,
            mode,
            task,
            decoding,
            limit,
            attributed,
            threshold,
        )
    print_figures(figures)
    if transcripts:
        write_json(transcripts, written)
    if json:
        write_json(json, figures)
