"""Segments of each speaker in a mixture: oracle segments of the list, or those of a diarizer."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from joint.conversation.clustering import clustered
from joint.conversation.turns import Turn
from joint.data.corpus import SUPERVISIONS, Corpus
from joint.data.opening import open_corpus
from joint.errors import AudioError
from joint.files import checksum
from joint.inspection.speech import Region
from joint.training.progress import shown
from joint.units import Samples
from recipes.speechocean762.studies.conversations import spoken
from tasks.diarization.pipeline import Diarizer
from tasks.diarization.windows import turns_of
from tasks.recognition.conversations.cascades import Segmenter
from tasks.recognition.conversations.kept import Clock, Once, digest
from tasks.recognition.conversations.lists import Conversation, render

Where = Callable[[str, Samples], Sequence[Region]]
"""From an utterance's id and length to its speech regions."""


def whole(name: str, samples: Samples) -> list[Region]:
    """All of each recording."""
    return [Region(0, samples)]


def between_pauses(data: Path) -> tuple[Where, str] | None:
    """Stretches of words without a pause (all of a recording without words), and a checksum of the
    alignment; None for a folder that is not aligned. Raises DataError."""
    manifest = data / SUPERVISIONS
    if not manifest.is_file():
        return None
    aligned = {u.id: u for u in open_corpus(data).utterances if u.words}
    if not aligned:
        return None

    def where(name: str, samples: Samples) -> list[Region]:
        if name not in aligned:
            return whole(name, samples)
        turns = spoken(aligned[name], 0)
        return [Region(turn.start, min(turn.end, samples)) for turn in turns]

    return where, checksum(manifest)


class ListedMixtures:
    """The mixtures of `rows`, identified by their samples, and the length of each recording in
    them.

    Recordings that cannot be read are left out, as in the evaluation.
    """

    def __init__(self, rows: Sequence[Conversation], folder: Corpus) -> None:
        self._known: dict[str, list[tuple[str, Samples, Samples]]] = {}
        for row in shown(rows, "listed segments", True):
            try:
                mixture = render(row, folder).mixture
                lengths = [len(folder.by_id[t.utterance].waveform()) for t in row.turns]
            except AudioError:
                continue
            self._known[digest(mixture)] = [
                (turn.utterance, turn.start, samples)
                for turn, samples in zip(row.turns, lengths, strict=True)
            ]

    def segments(self, where: Where) -> Segmenter:
        """The oracle segments of each speaker, by mixture."""

        def segmenter(mixture: np.ndarray) -> list[list[Region]]:
            return [
                [Region(start + begin, start + end) for begin, end in where(name, samples)]
                for name, start, samples in self._known[digest(mixture)]
            ]

        return segmenter


class FoundSegments:
    """The segments that a diarizer finds in each mixture; embeddings are computed once."""

    def __init__(
        self,
        diarizer: Diarizer,
        speech: Callable[[np.ndarray], Sequence[Region]],
        clock: Clock,
    ) -> None:
        self._threshold = diarizer.threshold
        self._embedded = Once(lambda m: diarizer.embedded(m, speech(m)), clock)

    def __call__(self, mixture: np.ndarray, speakers: int | None = None) -> list[list[Region]]:
        """See Segmenter; `speakers` is their number where it is given."""
        windows, embeddings = self._embedded(mixture)
        if not windows:
            return []
        known = None if speakers is None else min(speakers, len(windows))
        labels = clustered(embeddings, known, self._threshold)
        return by_speaker(turns_of(windows, [str(label) for label in labels]))


def by_speaker(turns: Iterable[Turn]) -> list[list[Region]]:
    """The regions of each speaker, in order of their first turn."""
    own: dict[str, list[Region]] = {}
    for turn in turns:
        own.setdefault(turn.speaker, []).append(Region(turn.start, turn.end))
    return list(own.values())
