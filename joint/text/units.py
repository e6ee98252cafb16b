"""Output units of a recogniser (characters, phones, word pieces), and references as targets."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from joint.data.corpus import Corpus
from joint.data.phones import UNKNOWN, need_phones
from joint.errors import ConfigError, DataError
from joint.scene import SceneBatch
from joint.text.spans import Spans

SCENES, WHOLE = "streams.scenes", "scenes of whole utterances (delay) of an aligned corpus"


@dataclass(frozen=True)
class Targets:
    """The references of a batch as units: `ids (B, N, P)`, padded with −1, and `counts (B, N)`, the
    number of units of each source; `known (B, N)` is False where a reference is missing. `spans`,
    each `(B, N, P)`, are the times of the units; None where units have no times."""

    ids: Tensor
    counts: Tensor
    known: Tensor
    spans: Spans | None = None


class Units(nn.Module, ABC):
    """A vocabulary; the first of its `symbols` is CTC's blank."""

    symbols: tuple[str, ...]
    fields: ClassVar[frozenset[str]]
    """Names of the `SceneBatch` fields that `targets` reads."""

    def __len__(self) -> int:
        return len(self.symbols)

    def setup(self, corpus: Corpus) -> None:
        """Prepare for a training on `corpus`, before its first step; see Task.

        Raises DataError for a corpus with a text that these units cannot write.
        """

    @abstractmethod
    def targets(self, batch: SceneBatch) -> Targets:
        """The references of all sources of a batch as units. Raises ConfigError for scenes without
        references, DataError for a text that these units cannot write."""

    @abstractmethod
    def words(self, ids: Sequence[int]) -> list[str]:
        """A sequence of units as the words (or phones) by which errors are counted."""


class PhoneUnits(Units):
    """The phones of the corpus."""

    fields: ClassVar[frozenset[str]] = frozenset(
        {"source_phones", "source_phone_starts", "source_phone_ends", "source_phones_known"}
    )

    def __init__(self, phones: Sequence[str]) -> None:
        super().__init__()
        need_phones(phones)
        self.symbols = tuple(phones)

    def targets(self, batch: SceneBatch) -> Targets:
        """See Units."""
        if batch.source_phones is None or batch.source_phones_known is None:
            raise ConfigError(SCENES, "phones of cut or unaligned utterances", WHOLE)
        ids = batch.source_phones
        counts = (ids != UNKNOWN).sum(dim=2)
        spans = None
        if batch.source_phone_starts is not None and batch.source_phone_ends is not None:
            spans = Spans(batch.source_phone_starts, batch.source_phone_ends)
        return Targets(ids, counts, batch.source_phones_known, spans)

    def words(self, ids: Sequence[int]) -> list[str]:
        """One phone each."""
        return [self.symbols[i] for i in ids]


class TextUnits(Units):
    """Units that spell words; `characters` are all that they can spell with."""

    characters: Collection[str]
    fields: ClassVar[frozenset[str]] = frozenset({"texts"})

    @abstractmethod
    def encode(self, text: str) -> list[int]:
        """The units of a text. Raises DataError for a character that they cannot write."""

    def setup(self, corpus: Corpus) -> None:
        """See Units; names the first utterance that cannot be written and counts them all."""
        known = set(self.characters)
        faulty = [u for u in corpus.utterances if not known.issuperset(normalised(u.text))]
        if faulty:
            first = faulty[0]
            strange = next(c for c in normalised(first.text) if c not in known)
            texts = f"{len(faulty)} of {len(corpus)} texts have characters outside the units"
            raise DataError(
                f"{corpus.where}, utterance {first.id}",
                f"the character {strange!r} in {first.text!r} ({texts})",
                self.alphabet,
            )

    @property
    def alphabet(self) -> str:
        """What error messages say of the characters."""
        return f"those of {''.join(sorted(self.characters))!r}"

    def spelled(self, text: str) -> str:
        """A text as the units spell it. Raises DataError for a character outside the units."""
        found = normalised(text)
        if strange := [c for c in found if c not in self.characters]:
            raise DataError(f"text {text!r}", f"the character {strange[0]!r}", self.alphabet)
        return found

    def targets(self, batch: SceneBatch) -> Targets:
        """See Units."""
        if batch.texts is None:
            raise ConfigError(SCENES, "words of cut utterances", WHOLE)
        rows = [[self.encode(text) for text in texts] for texts in batch.texts]
        ids = padded([row for texts in rows for row in texts])
        ids = ids.view(len(rows), -1, ids.shape[1])
        if batch.mixture is not None:
            ids = ids.to(batch.mixture.device)
        counts = (ids != UNKNOWN).sum(dim=2)
        return Targets(ids, counts, torch.ones_like(counts, dtype=torch.bool))


class CharacterUnits(TextUnits):
    """Letters, the apostrophe and the space between words; lower case counts as upper case."""

    def __init__(self, characters: str = " 'ABCDEFGHIJKLMNOPQRSTUVWXYZ") -> None:
        super().__init__()
        self.symbols = ("", *characters)
        self.place = {character: i for i, character in enumerate(self.symbols)}
        self.characters = set(characters)

    def encode(self, text: str) -> list[int]:
        """See TextUnits."""
        return [self.place[c] for c in self.spelled(text)]

    def words(self, ids: Sequence[int]) -> list[str]:
        """The text between spaces."""
        return "".join(self.symbols[i] for i in ids).split()


def normalised(text: str) -> str:
    """Upper case, one space between words."""
    return " ".join(text.upper().split())


def padded(rows: Iterable[Sequence[int]]) -> Tensor:
    """Sequences as one int64 tensor `(rows, longest)`, each padded with −1."""
    rows = list(rows)
    found = torch.full((len(rows), max([1, *map(len, rows)])), UNKNOWN)
    for i, row in enumerate(rows):
        found[i, : len(row)] = torch.tensor(row, dtype=torch.int64)
    return found
