"""Recognisers of one person and of several, and every cascade that a recogniser makes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from joint import SpeakerModel
from joint.data.corpus import Corpus
from joint.errors import CheckpointError
from joint.metrics.recognizers import Recognizer
from joint.metrics.words import normalize_text
from joint.text.units import PhoneUnits
from recipes.speechocean762.studies.cascades.kept import Clock, Once, checksum
from recipes.speechocean762.studies.cascades.segments import FoundSegments
from tasks.extraction.task import ExtractionTask
from tasks.recognition.conversations.cascades import (
    Extract,
    Recognise,
    Segmenter,
    extracted,
    segmented,
    unseparated,
)
from tasks.recognition.evaluate import ReferenceOf, Transcribe
from tasks.recognition.references import phones_of
from tasks.recognition.select import recogniser, topology_of
from tasks.recognition.task import RecognitionTask
from tasks.recognition.topologies import SingleRecognition


@dataclass(frozen=True)
class Counting:
    """What errors are counted in: the `unit`, the `truth` of each utterance, and how what comes out
    of a recogniser is `written` to be compared with it."""

    unit: str
    truth: ReferenceOf
    written: Callable[[list[str]], list[str]]


@dataclass(frozen=True)
class Way:
    """A way of hearing: with `enrolled`, each person's enrolment is given to it. `made_of` tells
    apart what its answers depend on, such as checkpoints."""

    hear: Transcribe
    counting: Counting
    made_of: tuple[str, ...]
    enrolled: bool = False


@dataclass(frozen=True)
class Listener:
    """A recogniser of one person."""

    name: str
    recognise: Recognise
    counting: Counting
    made_of: str


@dataclass(frozen=True)
class Parts:
    """What stands before a recogniser in a cascade, and what each is made of: `extract`, the
    segments that are `listed`, by their names, and those that are `found`; `people` is how many
    there are in each mixture."""

    people: int
    extract: Extract
    extractor: str
    listed: Mapping[str, tuple[Segmenter, str]]
    found: FoundSegments
    encoder: str
    clock: Clock


def words_in(folder: Corpus) -> Counting:
    """Words, after the normalisation that outside recognisers need."""
    return Counting(
        "words",
        lambda name: normalize_text(folder.by_id[name].text).split(),
        lambda words: normalize_text(" ".join(words)).split(),
    )


def counting_of(head: RecognitionTask, model: SpeakerModel, data: Path, folder: Corpus) -> Counting:
    """What a recogniser of ours writes. Raises DataError for phones that nobody knows."""
    if isinstance(head.units, PhoneUnits):
        return Counting(
            "phones", phones_of(folder, model.path, model.metadata.get("phones", ())), list
        )
    return words_in(folder)


def our_listener(model: SpeakerModel, data: Path, folder: Corpus) -> Listener:
    """The checkpoint's recogniser of one person. Raises CheckpointError, DataError."""
    name, head = recogniser(model.model, model.path, "single")
    counting = counting_of(head, model, data, folder)

    def recognise(waveform: np.ndarray) -> list[str]:
        return counting.written(model.transcribe(waveform, task=name)[0])

    return Listener("ours", recognise, counting, checksum(model.path))


def outside_listener(outside: Recognizer, specification: str, folder: Corpus) -> Listener:
    """Somebody else's recogniser, which `specification` names."""
    counting = words_in(folder)

    def recognise(waveform: np.ndarray) -> list[str]:
        return counting.written([outside.transcribe(waveform)])

    return Listener(specification.partition(":")[0], recognise, counting, specification)


def extractor_of(model: SpeakerModel) -> Extract:
    """The checkpoint's extractor. Raises CheckpointError where it has none."""
    tasks = dict(model.model.tasks.items())
    if not isinstance(tasks.get("extraction"), ExtractionTask):
        found = f"tasks {', '.join(tasks) or 'none'}"
        raise CheckpointError(model.path, found, "one with an extraction task")
    return model.extract


def cascades(listener: Listener, parts: Parts) -> dict[str, Way]:
    """Every way of hearing several people by a recogniser of one."""
    recognise, count = listener.recognise, parts.people

    def way(hear: Transcribe, *others: str, enrolled: bool = False) -> Way:
        return Way(hear, listener.counting, (listener.made_of, *others), enrolled)

    # As one output and as everybody's, the mixture is recognised once.
    mixed = Once(recognise, parts.clock)
    told = partial(parts.found, speakers=count)
    ways = {
        "mixture, one output": way(unseparated(mixed)),
        f"mixture, the same to all {count}": way(unseparated(mixed, count)),
        "extraction": way(extracted(parts.extract, recognise), parts.extractor, enrolled=True),
        **{
            f"oracle segments, {name}": way(segmented(divide, recognise), source)
            for name, (divide, source) in parts.listed.items()
        },
        f"diarization, {count} told": way(segmented(told, recognise), parts.encoder),
        "diarization, number found": way(segmented(parts.found, recognise), parts.encoder),
    }
    return {f"{name} → {listener.name}": each for name, each in ways.items()}


def end_to_end(model: SpeakerModel, given: str, data: Path, folder: Corpus) -> dict[str, Way]:
    """Every recogniser of several people in a checkpoint. Raises CheckpointError for none."""
    ways = {}
    for name, head in model.model.tasks.items():
        if not isinstance(head, RecognitionTask) or isinstance(head, SingleRecognition):
            continue
        counting = counting_of(head, model, data, folder)
        label = f"end to end, {given}: {name} ({topology_of(head)})"
        enrolled = "enrollment" in head.requires
        ways[label] = Way(_face(model, name, counting), counting, (checksum(model.path),), enrolled)
    if not ways:
        found = f"tasks {', '.join(model.model.tasks) or 'none'}"
        raise CheckpointError(model.path, found, "one with a recogniser of several people")
    return ways


def _face(model: SpeakerModel, name: str, counting: Counting) -> Transcribe:
    def hear(mixture: np.ndarray, voices: Sequence[np.ndarray]) -> list[list[str]]:
        found = model.transcribe(mixture, voices, task=name)
        return [counting.written(words) for words in found]

    return hear
