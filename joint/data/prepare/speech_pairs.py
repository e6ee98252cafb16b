"""Draw the lists of an evaluation of synthesis and of conversion from a prepared folder."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from joint.data.corpus import SUPERVISIONS
from joint.data.speech_pairs import CONVERSIONS, SENTENCES, SpeechPair, write_pairs
from joint.units import Seconds

WORDS: Final = (4, 25)
SECONDS: Final[tuple[Seconds, Seconds]] = (2.5, 12.0)
"""Least and most of a source: a recogniser needs some context, an evaluation short sentences."""

REFERENCE_SECONDS: Final[Seconds] = 3.0
"""Least of a reference."""


@dataclass(frozen=True)
class Candidate:
    """An utterance that may be a source or a reference; `chapter` is None where the manifest has
    none."""

    id: str
    speaker: str
    text: str
    seconds: Seconds
    gender: str | None = None
    chapter: str | None = None

    @property
    def is_source(self) -> bool:
        """Whether it has the length of a source, in words and in seconds."""
        words = len(self.text.split())
        return WORDS[0] <= words <= WORDS[1] and SECONDS[0] <= self.seconds <= SECONDS[1]

    @property
    def is_reference(self) -> bool:
        """Whether it is long enough to enrol with."""
        return self.seconds >= REFERENCE_SECONDS


def write_speech_pairs(folder: Path, count: int, seed: int) -> None:
    """Write `sentences.tsv` and `conversions.tsv` of a prepared `folder`, each of `count` rows, of
    fewer where the folder has fewer sources; a list without a row is not written."""
    candidates = read_candidates(folder)
    drawn = {
        SENTENCES: draw_sentences(candidates, count, seed),
        CONVERSIONS: draw_conversions(candidates, count, seed),
    }
    for name, rows in drawn.items():
        if rows:
            write_pairs(folder / name, rows)


def read_candidates(folder: Path) -> list[Candidate]:
    """The utterances of the manifest in `folder`, sorted."""
    from lhotse import SupervisionSet

    rows = [
        Candidate(
            s.id,
            s.speaker or s.id,
            s.text or "",
            s.duration,
            s.gender,
            (s.custom or {}).get("chapter"),
        )
        for s in SupervisionSet.from_jsonl_lazy(folder / SUPERVISIONS)
    ]
    return sorted(rows, key=lambda row: row.id)


def draw_sentences(candidates: Iterable[Candidate], count: int, seed: int) -> list[SpeechPair]:
    """At most `count` pairs of two utterances of one speaker, speakers in equal number as far as
    they have so many; every source once.

    The reference has another text, and is of another chapter where the speaker has one.
    """
    generator = random.Random(seed)
    own = _by_speaker(candidates)
    sources = {speaker: [s for s in rows if s.is_source] for speaker, rows in own.items()}
    pairs: list[tuple[Candidate, Candidate]] = []
    for source in _in_turn(sources, generator):
        if len(pairs) == count:
            break
        others = _references(own[source.speaker], source)
        elsewhere = [r for r in others if r.chapter is not None and r.chapter != source.chapter]
        if others:
            pairs.append((source, generator.choice(elsewhere or others)))
    return _rows("sentence", pairs)


def draw_conversions(candidates: Iterable[Candidate], count: int, seed: int) -> list[SpeechPair]:
    """At most `count` pairs of utterances of two speakers: every source once, source speakers and
    target speakers in equal number as far as possible, every second pair of one gender."""
    generator = random.Random(seed)
    own = _by_speaker(candidates)
    sources = {speaker: [s for s in rows if s.is_source] for speaker, rows in own.items()}
    uses: Counter[str] = Counter()
    pairs: list[tuple[Candidate, Candidate]] = []
    for source in _in_turn(sources, generator):
        if len(pairs) == count:
            break
        targets = {
            speaker: references
            for speaker, rows in own.items()
            if speaker != source.speaker and (references := _references(rows, source))
        }
        if not targets:
            continue
        same = len(pairs) % 2 == 0
        asked = [t for t in targets if (own[t][0].gender == source.gender) == same] or [*targets]
        # The least used first; of those that are equal, one by chance.
        speaker = min(asked, key=lambda name: (uses[name], generator.random()))
        uses[speaker] += 1
        pairs.append((source, generator.choice(targets[speaker])))
    return _rows("conversion", pairs)


def _by_speaker(candidates: Iterable[Candidate]) -> dict[str, list[Candidate]]:
    own: dict[str, list[Candidate]] = defaultdict(list)
    for row in sorted(candidates, key=lambda row: row.id):
        own[row.speaker].append(row)
    return dict(sorted(own.items()))


def _references(rows: Sequence[Candidate], source: Candidate) -> list[Candidate]:
    """Those of `rows` that can enrol a voice for `source`, without its words."""
    return [r for r in rows if r.is_reference and r.id != source.id and r.text != source.text]


def _in_turn(own: dict[str, list[Candidate]], generator: random.Random) -> Iterable[Candidate]:
    """One utterance of every speaker, in an order by chance, then another of each, and so on."""
    left = {speaker: generator.sample(rows, len(rows)) for speaker, rows in own.items() if rows}
    while left:
        for speaker in generator.sample(list(left), len(left)):
            yield left[speaker].pop()
        left = {speaker: rows for speaker, rows in left.items() if rows}


def _rows(kind: str, pairs: Sequence[tuple[Candidate, Candidate]]) -> list[SpeechPair]:
    return [
        SpeechPair(f"{kind}{place:04d}", source.text, source.id, reference.id)
        for place, (source, reference) in enumerate(pairs)
    ]
