"""LibriMix: LibriSpeech to train on, and its mixtures as lists for recognition and extraction.

`test` is test-clean and `validation` dev-clean. `mix2_recognition.csv` (and `mix3_…`) renders
LibriMix's mode `max`, `mix2_extraction.csv` (and `mix3_…`) its mode `min` or `max` at 16 or 8 kHz,
without noise.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import track

from joint.data.choices import HELD_OUT, Check
from joint.data.corpus import Corpus, Utterance
from joint.data.prepare.manifests import PrepareReport
from joint.data.prepare.speaker_corpus import SpeakerCorpus, write_corpus
from joint.errors import AudioError, DataError
from recipes.librimix.enrollments import EnrollmentMap, Enrollments, find_maps
from recipes.librimix.lists import Levelled, Version, write_extraction, write_lists
from recipes.librimix.mixtures import Mixture, find_lists, measure, read_mixtures, refuse_missing
from recipes.librispeech.sources import TEST, VALIDATION, LibriSpeech
from tasks.recognition.conversations.lists import Conversation, Conversations, Turn

PARTS = {"validation": VALIDATION, "test": TEST}
DEFAULT = Version()
"""Mode min at 16 kHz."""


@dataclass
class Listed:
    """A list of mixtures of one split, the utterances that they are of, and, for lists of two
    speakers, the published enrolments."""

    split: str
    speakers: int
    path: Path
    mixtures: dict[str, Mixture]
    corpus: Corpus
    enrollments: Enrollments | None = None


def prepare(
    librispeech: str | Path,
    librimix: str | Path,
    output: str | Path,
    train_parts: Sequence[str] = (),
    held_out: int = HELD_OUT,
    check: Check = Check.FULL,
    jobs: int = 1,
    test_only: bool = False,
    enrollments: Sequence[str | Path] = (),
    version: Version = DEFAULT,
) -> PrepareReport:
    """Check LibriSpeech and write `train`, `validation` and `test` with its mixtures into `output`.

    `librimix` is Libri2Mix, or holds it and Libri3Mix, as generated or as published metadata.
    `enrollments` are SpeakerBeam's maps, or folders with such below; one of training mixtures gives
    `train` a list of extraction too. `version` is that of the lists of extraction. Without
    dev-clean, `held_out` training speakers become `validation`. With `test_only` nothing but `test`
    is read and written. Raises DataError for a missing part, transcript or list, for mixtures that
    do not fit the corpus, and for a map that does not fit them.
    """
    maps = find_maps(enrollments)
    corpus = LibriSpeech.load(librispeech, train_parts, test_only)
    refuse_missing(librimix, TEST, version.rate)
    warned = list(corpus.warned)
    listed = _assigned(_find(librimix, corpus, version, bool(maps)), maps, warned)
    levelled = [(one, _levelled(one, jobs, warned)) for one in listed]

    def lists(split: str, folder: Path, kept: list[Utterance], report: PrepareReport) -> None:
        own = [(one, rows) for one, rows in levelled if one.split == split]
        if split == "train" and own:
            # The lists of train-clean-100 and train-clean-360 become one.
            published = {key: e for one, _ in own for key, e in (one.enrollments or {}).items()}
            rows = [row for _, rows in own for row in rows]
            known = {utterance.id for utterance in kept}
            path = folder / "mix2_extraction.csv"
            write_extraction(path, rows, published, known, version, report)
            return
        for one, rows in own:
            write_lists(folder, one.speakers, rows, one.enrollments, kept, version, report)

    return write_corpus(
        SpeakerCorpus(
            where=corpus.root,
            train=corpus.train,
            validation=corpus.validation,
            test=corpus.test,
            lists=lists,
            language="English",
            warned=warned,
            test_only=test_only,
        ),
        output,
        held_out,
        check,
        jobs,
    )


def _find(
    librimix: str | Path, corpus: LibriSpeech, version: Version, with_train: bool
) -> Iterator[Listed]:
    """The lists of all splits, checked against the corpus; of `train` those of two speakers."""
    for split, known in corpus.splits.items():
        fitting = Corpus(known, corpus.root)
        for speakers, path in find_lists(librimix, PARTS[split], version.rate).items():
            yield _listed(split, speakers, path, fitting)
    for part in corpus.train_parts if with_train else ():
        pairs = find_lists(librimix, part, version.rate).get(2)
        if pairs is not None:
            yield _listed("train", 2, pairs, Corpus(corpus.train, corpus.root))


def _listed(split: str, speakers: int, path: Path, corpus: Corpus) -> Listed:
    mixtures = read_mixtures(path, speakers)
    rows = (Conversation(m.mix_id, tuple(map(Turn, m.utterances)), m.line) for m in mixtures)
    Conversations(path, tuple(rows)).check(corpus)
    return Listed(split, speakers, path, {m.mix_id: m for m in mixtures}, corpus)


def _assigned(
    found: Iterable[Listed], maps: Sequence[EnrollmentMap], warned: list[str]
) -> list[Listed]:
    """The lists, each with the map that is about it; of `train` only those that have one.

    A map in a folder that is about no list is warned of. Raises DataError where the user named it,
    and where two maps are about one list.
    """
    listed = list(found)
    for one in maps:
        own = [row for row in listed if row.speakers == 2 and one.about(row.mixtures)]
        if not own and one.named:
            where, mixture, *_ = one.rows[0]
            expected = f"one of {', '.join(str(row.path) for row in listed)}"
            raise DataError(where, f"unknown mixture {mixture}", expected)
        if not own:
            warned.append(f"{one.path}: not used, its mixtures are in no list of two speakers")
            continue
        if own[0].enrollments is not None:
            raise DataError(one.path, "a second map of its mixtures", "one map for each list")
        resolved = one.resolve(own[0].path, own[0].mixtures, own[0].corpus)
        same = [target for (_, target), chosen in resolved.items() if chosen.utterance == target]
        if same:
            count = f"{len(same)} of {len(resolved)} targets"
            warned.append(f"{one.path}: {count} ({same[0]} …) are enrolled with themselves")
        own[0].enrollments = resolved
    return [row for row in listed if row.split != "train" or row.enrollments is not None]


def _levelled(listed: Listed, jobs: int, warned: list[str]) -> list[Levelled]:
    """The mixtures of a list with their levels; bad recordings are warned of."""
    mixtures, path = list(listed.mixtures.values()), listed.path
    console = Console(stderr=True)
    found: list[Levelled] = []
    lost: list[AudioError] = []
    with ThreadPoolExecutor(jobs) as pool:
        for result in track(
            pool.map(partial(_measured, corpus=listed.corpus), mixtures),
            f"levels of {path.name}",
            total=len(mixtures),
            console=console,
            disable=not console.is_terminal,
        ):
            if isinstance(result, Levelled):
                found.append(result)
            else:
                lost.append(result)
    if not found:
        raise DataError(path, f"no usable mixture ({lost[-1]})", "at least one")
    if lost:
        warned.append(f"{path}: {len(lost)} of {len(mixtures)} mixtures left out ({lost[0]} …)")
    return found


def _measured(mixture: Mixture, corpus: Corpus) -> Levelled | AudioError:
    try:
        recordings = [Path(corpus.by_id[name].path) for name in mixture.utterances]
        return Levelled(mixture, measure(mixture, recordings))
    except AudioError as error:
        return error
