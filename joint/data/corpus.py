"""Corpus: the utterances of a lhotse manifest folder, indexed by speaker."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from joint.audio import read_audio
from joint.data.phones import (
    ALIGNMENT,
    PHONES,
    PRONUNCIATION,
    WORDS,
    PhoneIntervals,
    TimedWord,
    known_intervals,
    read_inventory,
)
from joint.data.storage.shard import Stored
from joint.errors import DataError
from joint.units import SAMPLE_RATE, Samples

if TYPE_CHECKING:
    from lhotse import SupervisionSegment

RECORDINGS, SUPERVISIONS = "recordings.jsonl.gz", "supervisions.jsonl.gz"


@dataclass(frozen=True, slots=True)
class Utterance:
    """One recording of one person; `samples` at 16 kHz and natural speed.

    With `stored` it lies in a shard, and `path` is only what messages call it. `phones` and `words`
    are those of an alignment, `pronunciation (P,)` the phones without times; None where there are
    none.
    """

    id: str
    path: str
    speaker: str
    text: str
    gender: str | None
    age_group: str | None
    samples: Samples
    stored: Stored | None = None
    phones: PhoneIntervals | None = None
    words: tuple[TimedWord, ...] | None = None
    pronunciation: np.ndarray | None = None

    def waveform(self) -> np.ndarray:
        """All of it at natural speed, float32 `(S,)`. Raises AudioError; DataError for a shard."""
        return read_audio(self.path) if self.stored is None else self.stored.waveform(self.id)

    def length(self, speed: float) -> Samples:
        """Samples after the speed change."""
        return int(self.samples / speed)


class Corpus:
    """Utterances in the order of their ids, each speaker an integer class.

    `phones` is the inventory that the utterances' intervals speak of, silence first; `()` where the
    corpus is not aligned.
    """

    def __init__(
        self, utterances: list[Utterance], where: str | Path, phones: tuple[str, ...] = ()
    ) -> None:
        if not utterances:
            raise DataError(where, "no utterance", "at least one")
        self.where = str(where)
        self.phones = phones
        self.utterances = sorted(utterances, key=lambda u: u.id)
        self.speakers = sorted({u.speaker for u in utterances})

    @classmethod
    def load(cls, folder: str | Path) -> "Corpus":
        """Read `recordings.jsonl.gz` and `supervisions.jsonl.gz`, as `joint prepare` writes them.

        Raises DataError for a folder without them or with manifests that do not match.
        """
        from lhotse import RecordingSet, SupervisionSet

        folder = Path(folder)
        for name in (RECORDINGS, SUPERVISIONS):
            if not (folder / name).is_file():
                raise DataError(folder / name, "no file", "a manifest written by 'joint prepare'")
        inventory = read_inventory(folder / PHONES)
        try:
            # A line at a time: a million of lhotse's objects take many gigabytes.
            recordings = {
                r.id: (str(r.sources[0].source), int(r.duration * SAMPLE_RATE))
                for r in RecordingSet.from_jsonl_lazy(folder / RECORDINGS)
            }
            utterances = [
                _utterance(supervision, recordings, folder, inventory)
                for supervision in SupervisionSet.from_jsonl_lazy(folder / SUPERVISIONS)
            ]
        except DataError:
            raise
        except Exception as error:  # lhotse raises whatever its JSON reader does
            raise DataError(
                folder, f"an unreadable manifest ({error})", "lhotse jsonl.gz"
            ) from None
        return cls(utterances, folder, inventory)

    def __len__(self) -> int:
        return len(self.utterances)

    @cached_property
    def speaker_of(self) -> np.ndarray:
        """Class of each utterance's speaker, `(utterances,)`."""
        index = {speaker: i for i, speaker in enumerate(self.speakers)}
        return np.array([index[u.speaker] for u in self.utterances])

    @cached_property
    def phrases(self) -> list[str]:
        """The different texts, sorted."""
        return sorted({u.text for u in self.utterances})

    @cached_property
    def phrase_of(self) -> np.ndarray:
        """Class of each utterance's text among `phrases`, `(utterances,)`."""
        index = {phrase: i for i, phrase in enumerate(self.phrases)}
        return np.array([index[u.text] for u in self.utterances])

    @cached_property
    def of_speaker(self) -> list[np.ndarray]:
        """Utterance indices of each speaker."""
        # One sort: a look at every utterance for every speaker takes hours where both are many.
        order = np.argsort(self.speaker_of, kind="stable")
        counts = np.bincount(self.speaker_of, minlength=len(self.speakers))
        return np.split(order, np.cumsum(counts)[:-1])


def _utterance(
    supervision: "SupervisionSegment",
    recordings: dict[str, tuple[str, Samples]],
    folder: Path,
    inventory: tuple[str, ...],
) -> Utterance:
    if supervision.recording_id not in recordings:
        raise DataError(folder, f"supervision {supervision.id} alone", "its recording too")
    path, samples = recordings[supervision.recording_id]
    found = (supervision.alignment or {}) if inventory else {}
    items, words = found.get(ALIGNMENT), found.get(WORDS)
    return Utterance(
        id=supervision.id,
        path=path,
        speaker=supervision.speaker or supervision.id,
        text=supervision.text or "",
        gender=supervision.gender,
        age_group=(supervision.custom or {}).get("age_group"),
        samples=samples,
        phones=None
        if items is None
        else known_intervals(items, inventory, samples, f"{folder}: {supervision.id}"),
        words=None if words is None else tuple(map(TimedWord.of, words)),
        pronunciation=_pronunciation(supervision, inventory, folder),
    )


def _pronunciation(
    supervision: "SupervisionSegment", inventory: tuple[str, ...], folder: Path
) -> np.ndarray | None:
    spoken = (supervision.custom or {}).get(PRONUNCIATION) if inventory else None
    if spoken is None:
        return None
    if strange := [phone for phone in spoken if phone not in inventory]:
        where = f"{folder}: {supervision.id}"
        raise DataError(where, f"the phone {strange[0]}", f"those of {PHONES}")
    return np.array([inventory.index(phone) for phone in spoken], dtype=np.int16)
