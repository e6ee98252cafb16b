"""Evaluation of a recogniser on a list of conversations."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

from joint.data.corpus import Corpus
from joint.data.grouping import gender_pair, positions_by_group
from joint.errors import AudioError, DataError
from joint.metrics.words import (
    Errors,
    Words,
    best_owners,
    channel_errors,
    concatenated_errors,
    foreign_words,
    total,
)
from joint.training.memory import giving_back
from joint.units import SAMPLE_RATE
from tasks.recognition.conversations.lists import Conversation, Conversations, overlap_ratio, render

Transcribe = Callable[[np.ndarray, Sequence[np.ndarray]], list[list[str]]]
"""A mixture `(S,)` and enrolments, float32 at 16 kHz, to the words of each speaker or output."""

ReferenceOf = Callable[[str], Words | None]
"""The id of an utterance to its words (or phones); None where they are unknown."""

OVERLAPS = (0.2, 0.4)
"""Boundaries of the overlap groups: shares of a mixture in which several speakers talk."""


@dataclass(frozen=True)
class Recognised:
    """One conversation: the `references` of its speakers, in the order of their starts, and the
    `hypotheses`, one an output; `for_absent` is that for an enrolled speaker who is absent.

    Of hypotheses with speaker names, those of the `enrolled` speakers come first, in their order,
    an absent one's last, and those of unknown speakers after them.
    """

    row: Conversation
    references: Sequence[Words]
    hypotheses: Sequence[Words]
    for_absent: Words | None = None
    enrolled: int = 0

    @property
    def cp_errors(self) -> Errors:
        """See `concatenated_errors`."""
        return concatenated_errors(self.references, self.hypotheses)

    @property
    def speaker_errors(self) -> Errors:
        """Errors of each speaker's hypothesis against that speaker's reference; all words of
        unknown speakers are insertions."""
        count = len(self.references)
        pairs = zip(self.references, self.hypotheses[:count], strict=True)
        others = Errors(insertions=sum(map(len, self.hypotheses[count:])))
        return total(concatenated_errors([r], [h]) for r, h in pairs) + others

    @property
    def named(self) -> tuple[int, int]:
        """The number of non-empty hypotheses with the speaker whom the assignment of cpWER gives
        them, and the number of non-empty hypotheses. Those that it gives to nobody are right as an
        unknown speaker's, and wrong as an enrolled one's."""
        places = [place for place, words in enumerate(self.hypotheses) if words]
        owners = best_owners(self.references, [self.hypotheses[place] for place in places])
        names = [place if place < self.enrolled else None for place in places]
        return sum(a == b for a, b in zip(owners, names, strict=True)), len(places)

    @property
    def foreign(self) -> int:
        """Words of other speakers in the speakers' hypotheses; see `foreign_words`."""
        return sum(
            foreign_words(h, r, [w for m, o in enumerate(self.references) if m != n for w in o])
            for n, (h, r) in enumerate(zip(self.hypotheses, self.references, strict=False))
        )


def evaluate_recognition(
    transcribe: Transcribe,
    corpus: Corpus,
    conversations: Conversations,
    reference_of: ReferenceOf,
    enrolled: bool = False,
    attributed: bool = False,
    limit: int | None = None,
    progress: bool = True,
) -> tuple[dict[str, Any], list[Recognised]]:
    """Evaluate a recogniser on a list of conversations, or on its first `limit` rows: its figures
    and its hypotheses.

    `error_…` are concatenated minimum-permutation errors (cpWER) in percent, `channel_error_…`
    those that leave the speaker open (ORC-WER).

    With `enrolled`, `transcribe` is given the enrolment of every speaker and returns their words in
    the same order: `person_error_…` compares each with that speaker's reference, and
    `foreign_share` is the share of words that another speaker said. The enrolment of an absent
    speaker is given too, in a call of its own: `silent_share` of those hypotheses are empty, and
    they have `words_for_absent` words on average.

    With `attributed`, `transcribe` names its outputs by the enrolments: it returns the words of the
    enrolled speakers, in order, then those of unknown speakers. All words of the absent speaker and
    of unknown ones are errors; `named_share` is the share of outputs with the speaker whom cpWER's
    assignment gives them. `channel_error_…` are left out, as their cost grows with the number of
    unknown speakers.

    `real_time_factor` is the time in `transcribe` over the duration of the mixtures, without the
    call for an absent speaker. Conversations with a recording that cannot be read, or without a
    reference, are left out and counted.

    Raises DataError where list and corpus do not match, an enrolment is missing, or no conversation
    is left.
    """
    conversations.check(corpus)
    rows = conversations.rows[:limit]
    if enrolled or attributed:
        check_enrolments(conversations, rows)
    console = Console(stderr=True)
    shown = console.is_terminal and progress
    results, seconds, samples = [], 0.0, 0
    bar = track(rows, "recognising", console=console, disable=not shown)
    for row in giving_back(bar):
        known = [reference_of(turn.utterance) for turn in row.turns]
        references = [words for words in known if words is not None]
        if len(references) < len(known):
            continue
        try:
            mixture = render(row, corpus).mixture
            enrolments = _enrolments(row, rows, corpus) if enrolled or attributed else []
        except AudioError:
            continue
        # names are found among all who are enrolled, an absent one too
        present = enrolments if attributed else enrolments[: len(row.turns)]
        begin = time.perf_counter()
        hypotheses = transcribe(mixture, present)
        seconds += time.perf_counter() - begin
        samples += len(mixture)
        other = enrolments[len(present) :]
        absent = transcribe(mixture, other)[0] if other else None
        results.append(Recognised(row, references, hypotheses, absent, len(enrolments)))
    if not results:
        raise DataError(conversations.path, "no conversation with references", "at least one")
    figures = _figures(results, enrolled, attributed)
    figures["real_time_factor"] = seconds * SAMPLE_RATE / samples
    figures["skipped_conversations"] = len(rows) - len(results)
    figures["by_group"] = _by_group(results, corpus)
    return figures, results


def check_enrolments(conversations: Conversations, rows: Sequence[Conversation]) -> None:
    """Raise DataError where a speaker in the `rows` has no enrolment."""
    for row in rows:
        for turn in row.turns:
            if turn.enrollment is None:
                where = f"{conversations.path}:{row.line}"
                raise DataError(where, f"no enrolment for {turn.utterance}", "one for each speaker")


def _enrolments(
    row: Conversation, rows: Sequence[Conversation], corpus: Corpus
) -> list[np.ndarray]:
    """The enrolments of all speakers, and after them that of an absent speaker, where the list has
    one."""
    names = [turn.enrollment for turn in row.turns]
    here = {corpus.by_id[turn.utterance].speaker for turn in row.turns}
    place = rows.index(row)
    others = (t for r in (*rows[place + 1 :], *rows[:place]) for t in r.turns)
    absent = (t for t in others if corpus.by_id[t.utterance].speaker not in here)
    if (other := next(absent, None)) is not None:
        names.append(other.enrollment)
    return [corpus.by_id[name].waveform() for name in names if name is not None]


def _figures(results: Sequence[Recognised], enrolled: bool, attributed: bool) -> dict[str, Any]:
    cp_errors = total(r.cp_errors for r in results)
    figures: dict[str, Any] = {
        "conversations": len(results),
        "reference_words": cp_errors.length,
        **cp_errors.figures("error"),
    }
    if attributed:
        right, outputs = (sum(counts) for counts in zip(*(r.named for r in results), strict=True))
        figures["named_share"] = right / max(outputs, 1)
    else:
        channels = total(channel_errors(r.references, r.hypotheses) for r in results)
        figures |= channels.figures("channel_error")
    if enrolled or attributed:
        figures |= total(r.speaker_errors for r in results).figures("person_error")
        written = sum(len(words) for r in results for words in r.hypotheses)
        figures["foreign_share"] = sum(r.foreign for r in results) / max(written, 1)
        absent = [r.for_absent for r in results if r.for_absent is not None]
        if absent:
            figures["silent_share"] = sum(not words for words in absent) / len(absent)
            figures["words_for_absent"] = sum(map(len, absent)) / len(absent)
    return figures


def _by_group(results: Sequence[Recognised], corpus: Corpus) -> dict[str, dict[str, float]]:
    """Errors by the share of overlap, and by the genders of two speakers."""
    memberships: list[list[str | None]] = []
    for result in results:
        if len(result.row.turns) < 2:
            memberships.append([])
            continue
        place = int(np.searchsorted(OVERLAPS, overlap_ratio(result.row, corpus)))
        bounds = (0.0, *OVERLAPS, 1.0)
        names: list[str | None] = [f"overlap {bounds[place]:.0%} to {bounds[place + 1]:.0%}"]
        if len(result.row.turns) == 2:
            people = (corpus.by_id[turn.utterance] for turn in result.row.turns)
            names.append(gender_pair(*people))
        memberships.append(names)
    return {
        name: {
            "conversations": len(places),
            **total(results[i].cp_errors for i in places).figures("error"),
        }
        for name, places in positions_by_group(memberships).items()
    }
