"""LibriSpeechMix: LibriSpeech to train on, and its published mixtures of 1, 2 and 3 speakers.

`test` is test-clean and `validation` dev-clean, each with `mix1_recognition.csv`,
`mix2_recognition.csv` and `mix3_recognition.csv`; the mixtures are rendered from LibriSpeech, so
that their audio need not be generated.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from joint.data.choices import HELD_OUT, Check
from joint.data.corpus import Corpus, Utterance
from joint.data.prepare.manifests import PrepareReport
from joint.data.prepare.speaker_corpus import SpeakerCorpus, write_corpus
from recipes.librispeech.sources import LibriSpeech
from recipes.librispeechmix.lists import find_lists, read_list, write_usable
from tasks.recognition.conversations.lists import Conversations


def prepare(
    librispeech: str | Path,
    lists: str | Path,
    output: str | Path,
    train_parts: Sequence[str] = (),
    held_out: int = HELD_OUT,
    check: Check = Check.FULL,
    jobs: int = 1,
    test_only: bool = False,
) -> PrepareReport:
    """Check LibriSpeech and write `train`, `validation` and `test` with its mixtures into `output`.

    `lists` holds the published `test-clean-2mix.jsonl` and so on. Without dev-clean, `held_out`
    training speakers become `validation`. With `test_only` nothing but `test` is read and written.
    Raises DataError for a missing part, transcript or list, and for a list that does not fit the
    corpus.
    """
    published = find_lists(lists)
    corpus = LibriSpeech.load(librispeech, train_parts, test_only)
    warned = list(corpus.warned)
    conversations = {
        split: {
            name: _read(corpus.root, path, utterances, warned)
            for name, path in published.get(split, {}).items()
        }
        for split, utterances in corpus.splits.items()
    }
    return write_corpus(
        SpeakerCorpus(
            where=corpus.root,
            train=corpus.train,
            validation=corpus.validation,
            test=corpus.test,
            lists=partial(_write, conversations),
            language="English",
            warned=warned,
            test_only=test_only,
        ),
        output,
        held_out,
        check,
        jobs,
    )


def _read(root: Path, path: Path, utterances: list[Utterance], warned: list[str]) -> Conversations:
    """A list that fits the utterances; texts other than the transcripts' are counted."""
    known = Corpus(utterances, root)
    conversations, texts = read_list(path)
    conversations.check(known)
    if other := [name for name, text in texts.items() if text != known.by_id[name].text]:
        warned.append(
            f"{path}: {len(other)} texts ({other[0]} …) are not the transcripts', which are used"
        )
    return conversations


def _write(
    conversations: dict[str, dict[str, Conversations]],
    split: str,
    folder: Path,
    kept: list[Utterance],
    report: PrepareReport,
) -> None:
    known = {utterance.id for utterance in kept}
    for name, rows in conversations.get(split, {}).items():
        write_usable(folder / name, rows, known, report)
