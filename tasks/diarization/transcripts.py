"""Transcripts with speakers and times against references: what `joint evaluate transcript` does."""

from collections.abc import Sequence
from typing import Any

from joint.conversation.turns import Sessions, Turn, in_order
from joint.errors import DataError
from joint.metrics.words import Errors, concatenated_errors, normalize_text
from joint.units import Seconds
from tasks.diarization.evaluate import evaluate_diarization


def evaluate_transcripts(
    reference: Sessions, hypothesis: Sessions, collar: Seconds = 0.0
) -> dict[str, Any]:
    """Word and diarization errors of all recordings together.

    `cp_word_error_…` is the cpWER, under the assignment of speakers that makes it least;
    `named_word_error_…` takes speakers by their names: words of a name that the reference does not
    have are insertions, and of one that the hypothesis does not have deletions. DER and JER are
    those of `evaluate_diarization`.

    Raises DataError for a reference without words, and as `evaluate_diarization`.
    """
    assigned, named = Errors(), Errors()
    for session, turns in reference.items():
        known, found = words_of(turns), words_of(hypothesis.get(session, ()))
        assigned += concatenated_errors(list(known.values()), list(found.values()))
        for name in {**known, **found}:
            named += concatenated_errors([known.get(name, [])], [found.get(name, [])])
    if not assigned.length:
        raise DataError("reference", "no words", "turns with words: .json (SegLST) or .stm")
    rates = evaluate_diarization(reference, hypothesis, collar)
    del rates["by_recording"]
    cp, own = assigned.figures("cp_word_error"), named.figures("named_word_error")
    return {**cp, **own, "words": assigned.length, **rates}


def words_of(turns: Sequence[Turn]) -> dict[str, list[str]]:
    """The words of each speaker, one turn after the other, to compare; speakers without words are
    left out."""
    words: dict[str, list[str]] = {}
    for turn in in_order(turns):
        if own := normalize_text(turn.text).split():
            words.setdefault(turn.speaker, []).extend(own)
    return words
