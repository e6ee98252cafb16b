"""Phones in the manifests of a prepared folder."""

import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from joint.data.corpus import SUPERVISIONS
from joint.data.opening import read_manifests
from joint.data.phones import PHONES, PRONUNCIATION
from joint.errors import DataError
from joint.files import atomic_path, atomic_write
from joint.text.pronunciation import INVENTORY, Pronunciation, pronounced, words_of

if TYPE_CHECKING:
    from lhotse import SupervisionSegment

UNALIGNED = "unaligned.tsv"


@dataclass(frozen=True)
class AlignReport:
    """The number of `utterances` of a folder, and the reasons why some are not aligned."""

    utterances: int
    unaligned: dict[str, str]

    @property
    def aligned(self) -> int:
        """Utterances with phones."""
        return self.utterances - len(self.unaligned)


def pronounce_folder(folder: str | Path, lexicon: Mapping[str, list[Pronunciation]]) -> AlignReport:
    """Write the phones of every utterance's words, without times, for CTC. A word has its first
    pronunciation. Raises as `align_folder`."""
    folder = Path(folder)
    corpus = read_manifests(folder)
    words = {u.id: words_of(u.text) for u in corpus.utterances}
    known = pronounced({word for own in words.values() for word in own}, lexicon)
    unaligned = {}
    for name, own in words.items():
        missing = [word for word in own if word not in known]
        if missing or not own:
            unaligned[name] = f"no pronunciation of {missing[0]!r}" if missing else "no words"
    refuse_none(folder, len(corpus), unaligned)

    def annotate(supervision: "SupervisionSegment") -> None:
        forget(supervision)
        if supervision.id not in unaligned:
            spoken = [phone for word in words[supervision.id] for phone in known[word][0]]
            supervision.custom = {**(supervision.custom or {}), PRONUNCIATION: spoken}

    write_phones(folder, annotate, unaligned)
    return AlignReport(len(corpus), unaligned)


def forget(supervision: "SupervisionSegment") -> None:
    """Remove an earlier alignment."""
    supervision.alignment = None
    if supervision.custom is not None:
        supervision.custom.pop(PRONUNCIATION, None)


def refuse_none(folder: Path, utterances: int, unaligned: Mapping[str, str]) -> None:
    """Raise DataError where no utterance has phones."""
    if len(unaligned) == utterances:
        first = next(iter(unaligned))
        raise DataError(folder, f"nothing to align ({first}: {unaligned[first]})", "spoken words")


def write_phones(
    folder: Path,
    annotate: Callable[["SupervisionSegment"], None],
    unaligned: Mapping[str, str],
) -> None:
    """Rewrite the supervisions, each changed by `annotate`; write the inventory `phones.txt`, and
    `unaligned.tsv` with the reasons."""
    from lhotse import SupervisionSet

    with (
        atomic_path(folder / SUPERVISIONS) as path,
        gzip.open(path, "wt", encoding="utf-8") as file,
    ):
        for supervision in SupervisionSet.from_jsonl_lazy(folder / SUPERVISIONS):
            annotate(supervision)
            file.write(json.dumps(supervision.to_dict(), ensure_ascii=False) + "\n")
    rows = "".join(f"{name}\t{reason}\n" for name, reason in unaligned.items())
    atomic_write(folder / UNALIGNED, "utterance\treason\n" + rows)
    # last, as without it alignments are ignored
    atomic_write(folder / PHONES, "".join(f"{phone}\n" for phone in INVENTORY))
