"""Write a corpus of many speakers: checked splits, held-out speakers, lists of trials."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from joint.data.choices import HELD_OUT, Check
from joint.data.corpus import Utterance
from joint.data.prepare.manifests import (
    Language,
    PrepareReport,
    Skipped,
    write_skipped,
    write_split,
    written_whole,
)
from joint.data.prepare.splits import a_few_each, hold_out, refuse_overlap
from joint.data.prepare.tables import write_tables
from joint.data.prepare.trials import Trial, make_trials, write_published, write_trials
from joint.errors import DataError

SEED = 762
TRIAL_UTTERANCES = 12
TARGETS_PER_SPEAKER = 30


@dataclass
class SpeakerCorpus:
    """The content of a corpus: utterances to train on (possibly none) and to test with, and lists.

    `validation` is the corpus's own validation set; without one, training speakers are held out.
    `trials` maps a file's name to a function that reads the published list; `lists(split, folder,
    kept, report)` writes a split's other lists. `custom` holds fields of an utterance's
    supervision; `language` is that of all utterances, or of each by its id, and then most
    non-target trials are of one language; `skipped` and `warned` go into the report. `test_only`:
    training speakers were not asked for. `audio` names a folder in the output that stays there.
    """

    where: Path
    train: list[Utterance]
    validation: list[Utterance] = field(default_factory=list)
    test: list[Utterance] = field(default_factory=list)
    trials: Mapping[str, Callable[[], Iterable[Trial]]] = field(default_factory=dict)
    lists: Callable[[str, Path, list[Utterance], PrepareReport], None] | None = None
    custom: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    language: Language = None
    skipped: list[Skipped] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)
    test_only: bool = False
    audio: str | None = None


def write_corpus(
    corpus: SpeakerCorpus,
    output: str | Path,
    held_out: int = HELD_OUT,
    check: Check = Check.FULL,
    jobs: int = 1,
) -> PrepareReport:
    """Write `train`, `validation` and `test` into `output`, whole or not at all.

    `held_out` training speakers become `validation` (0: none) where the corpus has none of its
    own, with `trials` made from a few utterances of each speaker; of few speakers fewer are held
    out, which the report says. A corpus without training speakers gives `test` alone. Raises
    DataError for speakers in two splits, and where nothing is left.
    """
    train, validation = corpus.train, corpus.validation
    if not train and not corpus.test:
        raise DataError(corpus.where, "no recording", "some to train on or to test with")
    refuse_overlap(corpus.where, train=train, validation=validation, test=corpus.test)
    report = PrepareReport(Path(output), skipped=list(corpus.skipped), warned=list(corpus.warned))
    if not train and not corpus.test_only:
        report.warned.append(f"{corpus.where}: no speaker to train on, the test set alone")
    elif train and not validation:
        everybody = len({utterance.speaker for utterance in train})
        train, validation = hold_out(train, held_out, SEED)
        found = len({utterance.speaker for utterance in validation})
        if found < held_out:
            report.warned.append(
                f"{corpus.where}: {everybody} speakers are too few to hold out {held_out}: "
                f"{found} become the validation split"
            )
    languages = corpus.language if isinstance(corpus.language, Mapping) else {}
    with written_whole(output, corpus.audio) as partial:

        def written(name: str, utterances: list[Utterance]) -> list[Utterance]:
            kept = write_split(
                partial / name,
                utterances,
                report,
                name,
                corpus.custom,
                corpus.language,
                check,
                jobs,
            )
            write_tables(partial / name, kept)
            if corpus.lists is not None:
                corpus.lists(name, partial / name, kept, report)
            return kept

        if train:
            written("train", train)
        if validation:
            few = a_few_each(written("validation", validation), TRIAL_UTTERANCES, SEED)
            trials = make_trials(few, TARGETS_PER_SPEAKER, SEED, languages)
            write_trials(partial / "validation" / "trials", trials)
        if corpus.test:
            known = {utterance.id for utterance in written("test", corpus.test)}
            for name, read in corpus.trials.items():
                write_published(partial / "test" / name, read(), known, report)
        write_skipped(partial, report)
    return report
