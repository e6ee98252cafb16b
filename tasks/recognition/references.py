"""Reference transcripts of the utterances of a folder, in words or in phones."""

from collections.abc import Sequence
from pathlib import Path

from joint.data.corpus import Corpus
from joint.data.prepare.kaldi import KaldiFolder
from joint.errors import DataError
from joint.training.building import refuse_other_phones
from tasks.recognition.evaluate import Truth


def words_of(folder: KaldiFolder) -> Truth:
    """The words of each utterance."""
    return lambda name: folder.utterances[name].text.upper().split()


def phones_of(data: Path, checkpoint: Path, inventory: Sequence[str]) -> Truth:
    """The phones of each utterance of a prepared, aligned folder.

    Raises DataError for a folder without phones, and as `refuse_other_phones` where the
    checkpoint's `inventory` differs.
    """
    corpus = Corpus.load(data)
    if not corpus.phones:
        raise DataError(data, "no phones", "a prepared folder that 'joint align' has seen")
    refuse_other_phones(checkpoint, inventory, corpus.phones)
    known = {u.id: u.pronunciation for u in corpus.utterances if u.pronunciation is not None}

    def phones(name: str) -> list[str] | None:
        return [corpus.phones[i] for i in known[name]] if name in known else None

    return phones
