"""Evaluation of recognition: a list of conversations in, errors and groups out."""

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
from joint.units import SAMPLE_RATE
from tasks.recognition.conversations.lists import Conversation, Conversations, overlap_ratio, render

Hear = Callable[[np.ndarray, Sequence[np.ndarray]], list[list[str]]]
"""A mixture `(S,)` and enrolments, float32 at 16 kHz, to what each person or output says."""

Truth = Callable[[str], Words | None]
"""The id of an utterance to the words (or phones) in it; None where nobody knows."""

OVERLAPS = (0.2, 0.4)
"""Shares of a mixture in which several talk, between the groups."""


@dataclass(frozen=True)
class Heard:
    """What was made of one conversation: what `said` each person, in order of their starts, and
    `found`, an output each; `for_nobody` came out for an enrolled person who is absent.

    Of outputs with names those of the people come first, in their order, and behind them those of
    anybody else.
    """

    row: Conversation
    said: Sequence[Words]
    found: Sequence[Words]
    for_nobody: Words | None = None

    @property
    def together(self) -> Errors:
        """See `concatenated_errors`."""
        return concatenated_errors(self.said, self.found)

    @property
    def by_person(self) -> Errors:
        """Errors of each person's output against what that person said; all words of anybody else
        are inserted."""
        people = len(self.said)
        pairs = zip(self.said, self.found[:people], strict=True)
        others = Errors(insertions=sum(map(len, self.found[people:])))
        return total(concatenated_errors([said], [found]) for said, found in pairs) + others

    @property
    def named(self) -> tuple[int, int]:
        """How many outputs with words have the name of whom they are given to where names are
        free, and how many outputs have words."""
        places = [place for place, words in enumerate(self.found) if words]
        owners = best_owners(self.said, [self.found[place] for place in places])
        names = [place if place < len(self.said) else None for place in places]
        return sum(a == b for a, b in zip(owners, names, strict=True)), len(places)

    @property
    def foreign(self) -> int:
        """Words that somebody else said, over all persons' outputs; see `foreign_words`."""
        return sum(
            foreign_words(found, own, [w for m, o in enumerate(self.said) if m != n for w in o])
            for n, (found, own) in enumerate(zip(self.found, self.said, strict=False))
        )


def evaluate_recognition(
    hear: Hear,
    corpus: Corpus,
    conversations: Conversations,
    truth: Truth,
    enrolled: bool = False,
    attributed: bool = False,
    limit: int | None = None,
    progress: bool = True,
) -> tuple[dict[str, Any], list[Heard]]:
    """Figures of a recogniser on a list, or on its first `limit` rows, and what it heard.

    `error_…` are concatenated minimum-permutation errors in percent, `channel_error_…` those
    without a price for who speaks. With `enrolled` every person's enrolment is given to `hear` and
    its outputs are those people's, in order: then `person_error_…` holds each to what they said,
    `foreign_share` is the share of words found that another person said, and the enrolment of
    somebody who is absent asks for silence: `silent_share` of those times it is, with
    `words_for_nobody` words a time on average.

    With `attributed` instead, `hear` gets the enrolments to name what it finds: its outputs are
    those people's, in order, and behind them strangers'. All words of the absent one and of
    strangers are errors; `named_share` is the share of outputs that have the name of whom they are
    given to where names are free. `channel_error_…` are left out: their cost grows with every
    stranger.

    `real_time_factor` is the time that `hear` takes over the duration of the mixtures.

    Conversations with a recording that cannot be read or whose words are not known are left out
    and counted.

    Raises DataError where list and corpus do not fit, an enrolment is missing, or nothing is left.
    """
    conversations.check(corpus)
    rows = conversations.rows[:limit]
    if enrolled or attributed:
        check_enrolments(conversations, rows)
    console = Console(stderr=True)
    shown = console.is_terminal and progress
    heard, seconds, samples = [], 0.0, 0
    for row in track(rows, "recognising", console=console, disable=not shown):
        known = [truth(turn.utterance) for turn in row.turns]
        said = [words for words in known if words is not None]
        if len(said) < len(known):
            continue
        try:
            mixture = render(row, corpus).mixture
            voices = _voices(row, rows, corpus) if enrolled or attributed else []
        except AudioError:
            continue
        begin = time.perf_counter()
        found = hear(mixture, voices)
        seconds += time.perf_counter() - begin
        samples += len(mixture)
        nobody = found.pop() if enrolled and len(voices) > len(row.turns) else None
        heard.append(Heard(row, said, found, nobody))
    if not heard:
        raise DataError(conversations.path, "no conversation with known words", "at least one")
    figures = _figures(heard, enrolled, attributed)
    figures["real_time_factor"] = seconds * SAMPLE_RATE / samples
    figures["skipped_conversations"] = len(rows) - len(heard)
    figures["by_group"] = _by_group(heard, corpus)
    return figures, heard


def check_enrolments(conversations: Conversations, rows: Sequence[Conversation]) -> None:
    """Raise DataError where somebody in the `rows` has no enrolment."""
    for row in rows:
        for turn in row.turns:
            if turn.enrollment is None:
                where = f"{conversations.path}:{row.line}"
                raise DataError(where, f"no enrolment for {turn.utterance}", "one for everybody")


def _voices(row: Conversation, rows: Sequence[Conversation], corpus: Corpus) -> list[np.ndarray]:
    """Everybody's enrolment, and behind them that of somebody who is absent, where the list has
    one."""
    names = [turn.enrollment for turn in row.turns]
    here = {corpus.by_id[turn.utterance].speaker for turn in row.turns}
    place = rows.index(row)
    others = (t for r in (*rows[place + 1 :], *rows[:place]) for t in r.turns)
    absent = (t for t in others if corpus.by_id[t.utterance].speaker not in here)
    if (other := next(absent, None)) is not None:
        names.append(other.enrollment)
    return [corpus.by_id[name].waveform() for name in names if name is not None]


def _figures(heard: Sequence[Heard], enrolled: bool, attributed: bool) -> dict[str, Any]:
    together = total(h.together for h in heard)
    figures: dict[str, Any] = {
        "conversations": len(heard),
        "reference_words": together.length,
        **together.figures("error"),
    }
    if attributed:
        right, outputs = (sum(counts) for counts in zip(*(h.named for h in heard), strict=True))
        figures["named_share"] = right / max(outputs, 1)
    else:
        channels = total(channel_errors(h.said, h.found) for h in heard)
        figures |= channels.figures("channel_error")
    if enrolled or attributed:
        figures |= total(h.by_person for h in heard).figures("person_error")
        written = sum(len(words) for h in heard for words in h.found)
        figures["foreign_share"] = sum(h.foreign for h in heard) / max(written, 1)
        asked = [h.for_nobody for h in heard if h.for_nobody is not None]
        if asked:
            figures["silent_share"] = sum(not words for words in asked) / len(asked)
            figures["words_for_nobody"] = sum(map(len, asked)) / len(asked)
    return figures


def _by_group(heard: Sequence[Heard], corpus: Corpus) -> dict[str, dict[str, float]]:
    """Errors by how much people overlap, and by the genders of two."""
    memberships: list[list[str | None]] = []
    for h in heard:
        if len(h.row.turns) < 2:
            memberships.append([])
            continue
        place = int(np.searchsorted(OVERLAPS, overlap_ratio(h.row, corpus)))
        bounds = (0.0, *OVERLAPS, 1.0)
        names: list[str | None] = [f"overlap {bounds[place]:.0%} to {bounds[place + 1]:.0%}"]
        if len(h.row.turns) == 2:
            people = (corpus.by_id[turn.utterance] for turn in h.row.turns)
            names.append(gender_pair(*people))
        memberships.append(names)
    return {
        name: {
            "conversations": len(places),
            **total(heard[i].together for i in places).figures("error"),
        }
        for name, places in positions_by_group(memberships).items()
    }
