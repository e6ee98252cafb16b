"""References of the utterances of a corpus, in words or in phones."""

from collections.abc import Sequence
from pathlib import Path

from joint.data.corpus import Corpus
from joint.errors import DataError
from joint.metrics.words import normalize_text
from joint.training.building.initialisation import refuse_other_phones
from tasks.recognition.evaluate import ReferenceOf


def words_of(corpus: Corpus) -> ReferenceOf:
    """The words of each utterance."""
    return lambda name: corpus.by_id[name].text.upper().split()


def plain_words_of(corpus: Corpus) -> ReferenceOf:
    """The words of each utterance as `normalize_text` leaves them, to compare with the output of a
    recogniser that writes capitals and punctuation."""
    return lambda name: normalize_text(corpus.by_id[name].text).split()


def phones_of(corpus: Corpus, checkpoint: Path, inventory: Sequence[str]) -> ReferenceOf:
    """The phones of each utterance of an aligned corpus.

    Raises DataError for a corpus without phones, and as `refuse_other_phones` where the
    checkpoint's `inventory` differs.
    """
    if not corpus.phones:
        raise DataError(corpus.where, "no phones", "a folder aligned by 'joint align'")
    refuse_other_phones(checkpoint, inventory, corpus.phones)
    known = {u.id: u.pronunciation for u in corpus.utterances if u.pronunciation is not None}

    def phones(name: str) -> list[str] | None:
        return [corpus.phones[i] for i in known[name]] if name in known else None

    return phones
