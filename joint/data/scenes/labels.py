"""The fields of a SceneBatch beside the audio: speakers, lengths, texts and phones."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from joint.data.corpus import Corpus, Utterance
from joint.data.phones import UNKNOWN, PhoneIntervals
from joint.scene import EnrollmentPlan, Scene, Source
from joint.units import Samples


def labels(scenes: list[Scene], corpus: Corpus, fields: Collection[str]) -> dict[str, Any]:
    """Those of `fields` that need no audio, by their names; a field that the corpus or the plans
    have nothing for is left out."""
    values: dict[str, Any] = {}
    for names, function in _LABELS:
        if wanted := names & set(fields):
            found = function(scenes, corpus)
            values |= {name: found[name] for name in wanted if name in found}
    return values


def _of_enrollments(scenes: list[Scene], corpus: Corpus) -> dict[str, Tensor]:
    return {
        "enrollment_lengths": _grid(
            [[s.enrollment_length for _ in s.enrollments] for s in scenes],
        ),
        "speaker": _grid([[e.segment.speaker for e in s.enrollments] for s in scenes]),
        "utterance": _grid([[e.segment.utterance for e in s.enrollments] for s in scenes]),
        "speed": torch.tensor([[e.segment.speed for e in s.enrollments] for s in scenes]),
        "augmentation": _grid(
            [
                [
                    (e.noise is not None) + 2 * (e.room is not None) + 4 * (e.channel is not None)
                    for e in s.enrollments
                ]
                for s in scenes
            ]
        ),
    }


def _phrases(scenes: list[Scene], corpus: Corpus) -> dict[str, Tensor]:
    utterances = [[e.segment.utterance for e in s.enrollments] for s in scenes]
    return {"phrase": _grid([[corpus.phrase_of[u] for u in row] for row in utterances])}


def _enrollment_texts(scenes: list[Scene], corpus: Corpus) -> dict[str, Any]:
    known = corpus.utterances
    texts = [[known[e.segment.utterance].text for e in s.enrollments] for s in scenes]
    return {"enrollment_texts": texts}


def _of_sources(scenes: list[Scene], corpus: Corpus) -> dict[str, Tensor]:
    if not scenes[0].sources:
        return {}
    return {
        "mixture_lengths": torch.tensor([s.length for s in scenes]),
        "source_lengths": _grid([[x.segment.length for x in s.sources] for s in scenes]),
        "source_speakers": _grid([[x.segment.speaker for x in s.sources] for s in scenes]),
        "start_samples": _grid([[x.offset for x in s.sources] for s in scenes]),
        "enrollment_source": _grid([[e.source for e in s.enrollments] for s in scenes]),
    }


def _enrollment_phones(scenes: list[Scene], corpus: Corpus) -> dict[str, Tensor]:
    """The phones within each enrolment; nothing where the corpus is not aligned."""
    if not corpus.phones:
        return {}
    rows = [_phones(corpus, e, s.enrollment_length) for s in scenes for e in s.enrollments]
    phones = _filled([row.phones for row in rows])
    ends = _filled([row.ends for row in rows])
    for row, known in zip(ends, rows, strict=True):
        row[len(known.ends) :] = known.ends[-1]
    return {
        "enrollment_phones": _by_scene(phones, scenes),
        "enrollment_phone_ends": _by_scene(ends, scenes),
    }


def _pronunciations(scenes: list[Scene], corpus: Corpus) -> dict[str, Tensor]:
    """The phones of enrolments that are whole utterances, and how long those are."""
    if not corpus.phones:
        return {}
    segments = [e.segment for s in scenes for e in s.enrollments]
    rows = []
    for segment in segments:
        utterance = corpus.utterances[segment.utterance]
        whole = utterance.length(segment.speed) == segment.length
        phones = utterance.pronunciation if whole else None
        rows.append(np.zeros(0, np.int16) if phones is None else phones)
    samples = [s.length if len(row) else 0 for s, row in zip(segments, rows, strict=True)]
    return {
        "pronunciation": _by_scene(_filled(rows), scenes),
        "pronunciation_samples": _by_scene(np.array(samples), scenes),
    }


def _texts(scenes: list[Scene], corpus: Corpus) -> dict[str, Any]:
    """The text of each source; nothing unless every source is a whole utterance."""
    if not _are_whole(scenes, corpus):
        return {}
    utterances = corpus.utterances
    return {"texts": [[utterances[x.segment.utterance].text for x in s.sources] for s in scenes]}


def _source_phones(scenes: list[Scene], corpus: Corpus) -> dict[str, Tensor]:
    """The phones of each source; nothing unless every source is a whole utterance, and nothing
    where the corpus is not aligned."""
    if not corpus.phones or not _are_whole(scenes, corpus):
        return {}
    sources = [x for s in scenes for x in s.sources]
    spoken = [corpus.utterances[x.segment.utterance] for x in sources]
    rows = [phones_of_source(x, u) for x, u in zip(sources, spoken, strict=True)]
    names = ("source_phones", "source_phone_starts", "source_phone_ends")
    count = len(scenes)
    found = {
        name: torch.from_numpy(rearrange(_filled(part), "(b n) p -> b n p", b=count))
        for name, part in zip(names, zip(*rows, strict=True), strict=True)
    }
    known = torch.tensor([u.pronunciation is not None for u in spoken])
    return {**found, "source_phones_known": rearrange(known, "(b n) -> b n", b=count)}


_LABELS: tuple[tuple[frozenset[str], Callable[[list[Scene], Corpus], dict[str, Any]]], ...] = (
    (
        frozenset({"enrollment_lengths", "speaker", "utterance", "speed", "augmentation"}),
        _of_enrollments,
    ),
    (frozenset({"phrase"}), _phrases),
    (frozenset({"enrollment_texts"}), _enrollment_texts),
    (
        frozenset(
            {
                "mixture_lengths",
                "source_lengths",
                "source_speakers",
                "start_samples",
                "enrollment_source",
            }
        ),
        _of_sources,
    ),
    (frozenset({"enrollment_phones", "enrollment_phone_ends"}), _enrollment_phones),
    (frozenset({"pronunciation", "pronunciation_samples"}), _pronunciations),
    (frozenset({"texts"}), _texts),
    (
        frozenset(
            {
                "source_phones",
                "source_phone_starts",
                "source_phone_ends",
                "source_phones_known",
            }
        ),
        _source_phones,
    ),
)
"""Fields that are found together, and how."""


def phones_of_source(source: Source, utterance: Utterance) -> tuple[np.ndarray, ...]:
    """The phones of a source that is a whole utterance, and the Samples of the mixture where each
    begins and ends (`UNKNOWN` where they have no times); none where they are not known."""
    if utterance.pronunciation is None:
        return (np.zeros(0, dtype=np.int64),) * 3
    if utterance.phones is None:
        times = np.full(len(utterance.pronunciation), UNKNOWN)
        return utterance.pronunciation, times, times
    timed = utterance.phones.part(source.segment.speed, 0, source.segment.length)
    spoken = timed.phones > 0
    starts = np.concatenate([[0], timed.ends[:-1]])
    return timed.phones[spoken], *(x[spoken] + source.offset for x in (starts, timed.ends))


def _phones(corpus: Corpus, enrollment: EnrollmentPlan, length: Samples) -> PhoneIntervals:
    segment = enrollment.segment
    known = corpus.utterances[segment.utterance].phones
    if known is None:
        return PhoneIntervals.unknown(length)
    return known.part(segment.speed, segment.start, segment.length).tiled(length)


def _are_whole(scenes: list[Scene], corpus: Corpus) -> bool:
    """Whether there are sources, and each is a whole utterance."""
    segments = [x.segment for s in scenes for x in s.sources]
    lengths = [corpus.utterances[s.utterance].length(s.speed) for s in segments]
    return bool(segments) and all(s.length >= n for s, n in zip(segments, lengths, strict=True))


def _filled(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Rows of different lengths as int64 `(R, P)`, `UNKNOWN` behind each; P is 1 at least."""
    filled = np.full((len(rows), max([1, *map(len, rows)])), UNKNOWN, dtype=np.int64)
    for i, row in enumerate(rows):
        filled[i, : len(row)] = row
    return filled


def _by_scene(rows: np.ndarray, scenes: list[Scene]) -> Tensor:
    """`(B·K, …)` → `(B, K, …)`."""
    return torch.from_numpy(rearrange(rows, "(b k) ... -> b k ...", b=len(scenes)))


def _grid(rows: list[list[Any]]) -> Tensor:
    """An int64 tensor with a row a scene."""
    return torch.tensor(np.array(rows, dtype=np.int64))
