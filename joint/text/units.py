"""Units: what a recogniser writes, and how what was said becomes targets."""

from abc import ABC, abstractmethod
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from joint.data.corpus import Corpus
from joint.data.phones import UNKNOWN
from joint.errors import ConfigError, DataError
from joint.scene import SceneBatch
from joint.text.spans import Spans

SCENES, WHOLE = "streams.scenes", "whole ones (delay) of an aligned corpus"


@dataclass(frozen=True)
class Targets:
    """What each source of a batch says: `ids (B, N, P)`, −1 fills up, and `counts (B, N)` of them;
    `known (B, N)` is False where nobody knows. `spans`, each `(B, N, P)`, are the Samples of the
    mixture between which each unit is said; None where units have no times."""

    ids: Tensor
    counts: Tensor
    known: Tensor
    spans: Spans | None = None


class Units(nn.Module, ABC):
    """A vocabulary; the first of its `symbols` is CTC's blank and nobody says it."""

    symbols: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.symbols)

    def begin(self, corpus: Corpus) -> None:
        """Before the first step of a training on `corpus`; see Task."""

    @abstractmethod
    def targets(self, batch: SceneBatch) -> Targets:
        """What every source says. Raises ConfigError for scenes that do not tell, DataError for a
        text that these units cannot write."""

    @abstractmethod
    def words(self, ids: Sequence[int]) -> list[str]:
        """What a sequence of units reads, cut into what errors are counted by."""


class PhoneUnits(Units):
    """The phones of the corpus."""

    def __init__(self, phones: Sequence[str]) -> None:
        super().__init__()
        if not phones:
            raise ConfigError("data.train", "no phones", "a folder that 'joint align' has seen")
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
    """Units that words are written in."""

    @abstractmethod
    def encode(self, text: str) -> list[int]:
        """The units of a text. Raises DataError for what they cannot write."""

    def targets(self, batch: SceneBatch) -> Targets:
        """See Units."""
        if batch.texts is None:
            raise ConfigError(SCENES, "words of cut utterances", WHOLE)
        rows = [[self.encode(text) for text in texts] for texts in batch.texts]
        ids = filled_up([row for texts in rows for row in texts])
        ids = ids.view(len(rows), -1, ids.shape[1])
        if batch.mixture is not None:
            ids = ids.to(batch.mixture.device)
        counts = (ids != UNKNOWN).sum(dim=2)
        return Targets(ids, counts, torch.ones_like(counts, dtype=torch.bool))


class CharacterUnits(TextUnits):
    """Letters, the apostrophe and the space between words; small letters count as large ones."""

    def __init__(self, characters: str = " 'ABCDEFGHIJKLMNOPQRSTUVWXYZ") -> None:
        super().__init__()
        self.symbols = ("", *characters)
        self.place = {character: i for i, character in enumerate(self.symbols)}

    def encode(self, text: str) -> list[int]:
        """See TextUnits."""
        known = "".join(self.symbols)
        return [self.place[c] for c in writable(text, self.place, f"those of {known}")]

    def words(self, ids: Sequence[int]) -> list[str]:
        """What stands between spaces."""
        return "".join(self.symbols[i] for i in ids).split()


def in_capitals(text: str) -> str:
    """Large letters, one space between words."""
    return " ".join(text.upper().split())


def writable(text: str, characters: Container[str], expected: str) -> str:
    """A text in capitals. Raises DataError, which says what is `expected`, for a character that is
    none of the `characters`."""
    found = in_capitals(text)
    if strange := [c for c in found if c not in characters]:
        raise DataError(f"text {text!r}", f"the character {strange[0]!r}", expected)
    return found


def filled_up(rows: Iterable[Sequence[int]]) -> Tensor:
    """Sequences as one int64 tensor `(rows, longest)`, −1 behind each."""
    rows = list(rows)
    found = torch.full((len(rows), max([1, *map(len, rows)])), UNKNOWN)
    for i, row in enumerate(rows):
        found[i, : len(row)] = torch.tensor(row, dtype=torch.int64)
    return found
