"""Single-speaker and multi-speaker recognisers, and every cascade with a single-speaker one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from joint import SpeakerModel
from joint.data.corpus import Corpus
from joint.errors import CheckpointError
from joint.files import checksum
from joint.metrics.recognizers import Recognizer
from joint.metrics.words import normalize_text
from joint.text.units import PhoneUnits
from recipes.speechocean762.studies.cascades.segments import FoundSegments
from tasks.extraction.task import ExtractionTask
from tasks.recognition.conversations.cascades import (
    Extract,
    Recognise,
    Segmenter,
    extracted,
    plain_words,
    segmented,
    unseparated,
)
from tasks.recognition.conversations.kept import Clock, Once
from tasks.recognition.evaluate import ReferenceOf, Transcribe
from tasks.recognition.references import phones_of, plain_words_of
from tasks.recognition.select import recogniser, topology_of
from tasks.recognition.task import RecognitionTask
from tasks.recognition.topologies import SingleRecognition


@dataclass(frozen=True)
class Counting:
    """How errors are counted: the `unit`, the `reference` of each utterance, and the
    normalisation (`normalise`) of a hypothesis."""

    unit: str
    reference: ReferenceOf
    normalise: Callable[[list[str]], list[str]]


@dataclass(frozen=True)
class System:
    """A system, with the speakers' enrolments as input where it is `enrolled`. `depends_on`
    identifies what its results depend on, such as checkpoints."""

    transcribe: Transcribe
    counting: Counting
    depends_on: tuple[str, ...]
    enrolled: bool = False


@dataclass(frozen=True)
class SingleRecogniser:
    """A single-speaker recogniser."""

    name: str
    recognise: Recognise
    counting: Counting
    depends_on: str


@dataclass(frozen=True)
class Parts:
    """What precedes the recogniser in a cascade, and what each part depends on: the extractor,
    the oracle segments `listed` by name, and those `found` by a diarizer; `people` is the number of
    speakers in each mixture."""

    people: int
    extract: Extract
    extractor: str
    listed: Mapping[str, tuple[Segmenter, str]]
    found: FoundSegments
    encoder: str
    clock: Clock


def words_in(folder: Corpus) -> Counting:
    """Words, normalised as external recognisers need it."""
    return Counting(
        "words",
        plain_words_of(folder),
        lambda words: normalize_text(" ".join(words)).split(),
    )


def counting_of(head: RecognitionTask, model: SpeakerModel, data: Path, folder: Corpus) -> Counting:
    """The units of a recogniser of ours. Raises DataError for a folder with other phones."""
    if isinstance(head.units, PhoneUnits):
        return Counting(
            "phones", phones_of(folder, model.path, model.metadata.get("phones", ())), list
        )
    return words_in(folder)


def own_recogniser(model: SpeakerModel, data: Path, folder: Corpus) -> SingleRecogniser:
    """The single-speaker recogniser of a checkpoint. Raises CheckpointError, DataError."""
    name, head = recogniser(model.model, model.path, "single")
    counting = counting_of(head, model, data, folder)

    def recognise(waveform: np.ndarray) -> list[str]:
        return counting.normalise(model.transcribe(waveform, task=name)[0])

    return SingleRecogniser("ours", recognise, counting, checksum(model.path))


def external_recogniser(
    outside: Recognizer, specification: str, folder: Corpus
) -> SingleRecogniser:
    """The external recogniser of a `specification`."""
    name = specification.partition(":")[0]
    return SingleRecogniser(name, plain_words(outside), words_in(folder), specification)


def extractor_of(model: SpeakerModel) -> Extract:
    """The checkpoint's extractor. Raises CheckpointError where it has none."""
    tasks = dict(model.model.tasks.items())
    if not isinstance(tasks.get("extraction"), ExtractionTask):
        found = f"tasks {', '.join(tasks) or 'none'}"
        raise CheckpointError(model.path, found, "one with an extraction task")
    return model.estimate


def cascades(single: SingleRecogniser, parts: Parts) -> dict[str, System]:
    """Every cascade for several speakers with a single-speaker recogniser."""
    recognise, count = single.recognise, parts.people

    def system(transcribe: Transcribe, *others: str, enrolled: bool = False) -> System:
        return System(transcribe, single.counting, (single.depends_on, *others), enrolled)

    # as one output and as that of every speaker, the mixture is recognised once
    mixed = Once(recognise, parts.clock)
    known = partial(parts.found, speakers=count)
    systems = {
        "mixture, one output": system(unseparated(mixed)),
        f"mixture, the same for all {count}": system(unseparated(mixed, count)),
        "extraction": system(extracted(parts.extract, recognise), parts.extractor, enrolled=True),
        **{
            f"oracle segments, {name}": system(segmented(segmenter, recognise), source)
            for name, (segmenter, source) in parts.listed.items()
        },
        f"diarization, {count} given": system(segmented(known, recognise), parts.encoder),
        "diarization, number found": system(segmented(parts.found, recognise), parts.encoder),
    }
    return {f"{name} → {single.name}": each for name, each in systems.items()}


def end_to_end(model: SpeakerModel, given: str, data: Path, folder: Corpus) -> dict[str, System]:
    """The multi-speaker recognisers of a checkpoint. Raises CheckpointError for none."""
    systems = {}
    for name, head in model.model.tasks.items():
        if not isinstance(head, RecognitionTask) or isinstance(head, SingleRecognition):
            continue
        counting = counting_of(head, model, data, folder)
        label = f"end to end, {given}: {name} ({topology_of(head)})"
        enrolled = "enrollment" in head.requires
        systems[label] = System(
            _transcribe_of(model, name, counting), counting, (checksum(model.path),), enrolled
        )
    if not systems:
        found = f"tasks {', '.join(model.model.tasks) or 'none'}"
        raise CheckpointError(model.path, found, "one with a multi-speaker recogniser")
    return systems


def _transcribe_of(model: SpeakerModel, name: str, counting: Counting) -> Transcribe:
    def transcribe(mixture: np.ndarray, voices: Sequence[np.ndarray]) -> list[list[str]]:
        found = model.transcribe(mixture, voices, task=name)
        return [counting.normalise(words) for words in found]

    return transcribe
