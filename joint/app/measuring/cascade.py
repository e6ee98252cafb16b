"""An extractor and an external recogniser on a list of conversations: what
`joint evaluate recognition --recognizer` does."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

from joint.app.measuring.recognition import written
from joint.data.corpus import Corpus
from joint.metrics.recognizers import Recognizer
from joint.metrics.words import Errors, Words, concatenated_errors
from joint.training.progress import shown
from tasks.recognition.conversations.cascades import (
    Extract,
    Recognise,
    extracted,
    plain_words,
    recognised,
)
from tasks.recognition.conversations.kept import KeptWords
from tasks.recognition.conversations.lists import Conversations, render
from tasks.recognition.evaluate import Recognised, check_enrolments, evaluate_recognition
from tasks.recognition.references import plain_words_of


def run_cascade(
    extract: Extract,
    recognizer: Recognizer,
    corpus: Corpus,
    conversations: Conversations,
    limit: int | None = None,
    kept: Path | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The figures of the recogniser on the extracted speech of each enrolled speaker, and the
    references and hypotheses of each conversation.

    `mixture_error_…` and `reference_error_…` bound them: see `bounds`. `kept` is a file for the
    words of every waveform; with it there is no `real_time_factor`, as some took no time.

    Raises DataError where list and corpus do not match or an enrolment is missing.
    """
    conversations.check(corpus)
    check_enrolments(conversations, conversations.rows[:limit])
    recognise = plain_words(recognizer)
    if kept is not None:
        recognise = KeptWords(recognise, kept)
    figures, results = evaluate_recognition(
        extracted(extract, recognise),
        corpus,
        conversations,
        plain_words_of(corpus),
        enrolled=True,
        limit=limit,
    )
    groups = figures.pop("by_group")
    if kept is not None:
        del figures["real_time_factor"]
    figures |= {**bounds(recognise, corpus, results), "by_group": groups}
    return {"counted_in": "words", **figures}, written(results)


def bounds(
    recognise: Recognise, corpus: Corpus, results: Sequence[Recognised], progress: bool = True
) -> dict[str, float]:
    """cpWER of the same conversations without extraction and with a perfect one, in percent.

    `mixture_error_…`: the mixture is recognised, as one output; `mixture_to_each_error_…`: that
    output stands for every speaker; `reference_error_…`: each recording is recognised by itself.
    """
    one, each, alone = Errors(), Errors(), Errors()
    known: dict[str, Words] = {}
    for result in shown(results, "without extraction", progress):
        words = recognised(recognise, render(result.row, corpus).mixture)
        one += concatenated_errors(result.references, [words])
        each += concatenated_errors(result.references, [words] * len(result.references))
        for turn, reference in zip(result.row.turns, result.references, strict=True):
            if turn.utterance not in known:
                waveform = corpus.by_id[turn.utterance].waveform()
                known[turn.utterance] = recognised(recognise, waveform)
            alone += concatenated_errors([reference], [known[turn.utterance]])
    return {
        **one.figures("mixture_error"),
        **each.figures("mixture_to_each_error"),
        **alone.figures("reference_error"),
    }


def kept_words(folder: Path, specification: str) -> Path:
    """The file in `folder` for the words of the recogniser of a `specification`."""
    kind = specification.partition(":")[0]
    return folder / f"{kind}-{crc32(specification.encode()):08x}.jsonl"
