"""LibriMix: LibriSpeech to train on, and its mixtures as lists for recognition and extraction.

`test` is test-clean and `validation` dev-clean. `mix2_recognition.csv` (and `mix3_…`) renders
LibriMix's mode `max`, `mix2_extraction.csv` its mode `min`, both without noise.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import track

from joint.data.choices import HELD_OUT, Check
from joint.data.corpus import Corpus, Utterance
from joint.data.prepare.manifests import PrepareReport
from joint.data.prepare.speaker_corpus import SpeakerCorpus, write_corpus
from joint.errors import AudioError, DataError
from recipes.librimix.lists import Levelled, write_lists
from recipes.librimix.mixtures import Mixture, find_lists, measure, read_mixtures
from recipes.librispeech.sources import LibriSpeech
from tasks.recognition.conversations.lists import Conversation, Conversations, Turn


def prepare(
    librispeech: str | Path,
    librimix: str | Path,
    output: str | Path,
    train_parts: Sequence[str] = (),
    held_out: int = HELD_OUT,
    check: Check = Check.FULL,
    jobs: int = 1,
    test_only: bool = False,
) -> PrepareReport:
    """Check LibriSpeech and write `train`, `validation` and `test` with its mixtures into `output`.

    `librimix` is Libri2Mix, or holds it and Libri3Mix, as generated at 16 kHz or as published
    metadata. Without dev-clean, `held_out` training speakers become `validation`. With `test_only`
    nothing but `test` is read and written. Raises DataError for a missing part, transcript or list,
    and for mixtures that do not fit the corpus.
    """
    corpus = LibriSpeech.load(librispeech, train_parts, test_only)
    listed = {split: find_lists(librimix, split) for split in corpus.splits}
    if not listed["test"]:
        expected = "Libri2Mix/wav16k/max/metadata/mixture_test_mix_clean.csv or mode min's"
        raise DataError(librimix, "no mixtures of test-clean at 16 kHz", expected)
    warned = list(corpus.warned)
    levelled = {
        split: {
            speakers: _levelled(path, speakers, Corpus(known, corpus.root), jobs, warned)
            for speakers, path in listed[split].items()
        }
        for split, known in corpus.splits.items()
    }

    def lists(split: str, folder: Path, kept: list[Utterance], report: PrepareReport) -> None:
        for speakers, rows in levelled.get(split, {}).items():
            write_lists(folder, speakers, rows, kept, report)

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


def _levelled(
    path: Path, speakers: int, corpus: Corpus, jobs: int, warned: list[str]
) -> list[Levelled]:
    """The mixtures of a list that fit the corpus, with their levels; bad recordings are warned."""
    mixtures = read_mixtures(path, speakers)
    rows = (Conversation(m.mix_id, tuple(map(Turn, m.utterances)), m.line) for m in mixtures)
    Conversations(path, tuple(rows)).check(corpus)
    console = Console(stderr=True)
    found: list[Levelled] = []
    lost: list[AudioError] = []
    with ThreadPoolExecutor(jobs) as pool:
        for result in track(
            pool.map(partial(_measured, corpus=corpus), mixtures),
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
