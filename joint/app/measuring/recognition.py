"""A recogniser on a list of conversations: what `joint evaluate recognition` does."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from joint.app.api import SpeakerModel
from joint.app.cli.inference.decoding import NO_TIMES, decoding_of
from joint.app.cli.options import check_threshold
from joint.data.corpus import Corpus
from joint.errors import ConfigError
from joint.metrics.words import Words
from joint.text.units import PhoneUnits
from tasks.recognition.conversations.lists import Conversation, Conversations, Turn
from tasks.recognition.evaluate import Recognised, evaluate_recognition
from tasks.recognition.references import phones_of, words_of
from tasks.recognition.select import recogniser


def run_recognition(
    model: SpeakerModel,
    corpus: Corpus,
    conversations: Path | None,
    mode: str | None = None,
    task: str | None = None,
    decoding: tuple[Any, ...] = (),
    limit: int | None = None,
    attributed: bool = False,
    threshold: float | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The figures, and the references and hypotheses of each conversation; with `attributed`, the
    hypotheses are assigned to enrolled speakers by their embeddings.

    Raises DataError, CheckpointError, ConfigError.
    """
    check_threshold(threshold)
    if threshold is not None and not attributed:
        raise ConfigError("--threshold", "no names to find", "--attributed too")
    name, recognition = recogniser(model.model, model.path, mode, task)
    listed = alone(corpus) if conversations is None else Conversations.load(conversations)
    search = decoding_of(recognition, *decoding)
    beam, *_, ctc_weight = decoding or (None, None)
    if attributed and (beam, ctc_weight) != (None, None):
        raise ConfigError("--beam", *NO_TIMES)
    phones = isinstance(recognition.units, PhoneUnits) and not getattr(search, "gives_words", False)
    reference_of = (
        phones_of(corpus, model.path, model.metadata.get("phones", ()))
        if phones
        else words_of(corpus)
    )

    def transcribe(mixture: np.ndarray, enrolments: Sequence[np.ndarray]) -> list[list[str]]:
        if attributed:
            return attributed_words(model, mixture, enrolments, name, threshold)
        return model.transcribe(mixture, enrolments, None, name, search)

    enrolled = "enrollment" in recognition.requires
    figures, results = evaluate_recognition(
        transcribe, corpus, listed, reference_of, enrolled, attributed, limit
    )
    return {"counted_in": "phones" if phones else "words", **figures}, written(results)


def written(results: Sequence[Recognised]) -> dict[str, dict[str, list[str]]]:
    """The references and hypotheses of each conversation, by its id."""

    def lines(texts: Sequence[Words]) -> list[str]:
        return [" ".join(words) for words in texts]

    return {
        r.row.mix_id: {"references": lines(r.references), "hypotheses": lines(r.hypotheses)}
        for r in results
    }


def attributed_words(
    model: SpeakerModel,
    mixture: np.ndarray,
    enrolments: Sequence[np.ndarray],
    task: str,
    threshold: float | None,
) -> list[list[str]]:
    """The words of each enrolled speaker, in order, then those of each unknown speaker."""
    embeddings = model.embed(enrolments)
    words: dict[str, list[str]] = {str(place): [] for place in range(len(enrolments))}
    enrolled = dict(zip(words, embeddings, strict=True))
    for turn in model.attribute(mixture, enrolled, threshold, None, task):
        words.setdefault(turn.speaker, []).extend(turn.text.split())
    return list(words.values())


def alone(corpus: Corpus) -> Conversations:
    """Every recording of a corpus by itself."""
    rows = tuple(Conversation(name, (Turn(name),)) for name in corpus.by_id)
    return Conversations(Path(corpus.where), rows)
