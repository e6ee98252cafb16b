"""A prepared folder gets the phones of its recordings: into its manifests, once and for all."""

import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from joint.data.corpus import SUPERVISIONS, Corpus, Utterance
from joint.data.phones import ALIGNMENT, PHONES, WORDS
from joint.errors import AudioError, DataError
from joint.files import atomic_path, atomic_write
from joint.progress import shown
from tasks.phonetics.pronunciation import INVENTORY, Pronunciation, pronounced, words_of
from tasks.phonetics.sphinx import Alignment, Interval, SphinxAligner, UnalignableError

UNALIGNED = "unaligned.tsv"
BEGUN = "alignments.partial.jsonl"
"""What an interrupted run had found; the next one goes on behind it."""


class Aligner(Protocol):
    """What finds the phones of a recording."""

    def align(self, waveform: np.ndarray, words: Sequence[str]) -> Alignment:
        """Raises UnalignableError."""


@dataclass(frozen=True)
class AlignReport:
    """How many of a folder's `utterances` are aligned, and why the others are not."""

    utterances: int
    unaligned: dict[str, str]

    @property
    def aligned(self) -> int:
        """Utterances with phones."""
        return self.utterances - len(self.unaligned)


def align_folder(
    folder: str | Path, lexicon: Mapping[str, list[Pronunciation]], jobs: int = 1
) -> AlignReport:
    """Align every utterance of a prepared folder with its words; rewrites its supervisions, with
    alignments `word` and `phone`, and writes the inventory `phones.txt` and `unaligned.tsv`.

    An interrupted run goes on where it was. Raises DataError for a folder that is not prepared, and
    where nothing can be aligned.
    """
    folder = Path(folder)
    corpus = Corpus.load(folder)
    words = {word for utterance in corpus.utterances for word in words_of(utterance.text)}
    pronunciations = pronounced(words, lexicon)
    found = _found_so_far(folder / BEGUN, _digest(pronunciations))
    waiting = [u for u in corpus.utterances if u.id not in found]
    with (folder / BEGUN).open("a", encoding="utf-8") as file:
        for name, outcome in shown(
            _outcomes(waiting, pronunciations, jobs), "aligning", True, len(waiting)
        ):
            found[name] = outcome
            file.write(json.dumps([name, outcome]) + "\n")
            file.flush()
    unaligned = {u.id: found[u.id] for u in corpus.utterances if isinstance(found[u.id], str)}
    if len(unaligned) == len(corpus):
        (folder / BEGUN).unlink()
        first = next(iter(unaligned))
        raise DataError(folder, f"nothing to align ({first}: {unaligned[first]})", "spoken words")
    _rewrite(folder, {n: o for n, o in found.items() if not isinstance(o, str)})
    rows = "".join(f"{name}\t{reason}\n" for name, reason in unaligned.items())
    atomic_write(folder / UNALIGNED, "utterance\treason\n" + rows)
    # The last: without it the alignments are not looked at.
    atomic_write(folder / PHONES, "".join(f"{phone}\n" for phone in INVENTORY))
    (folder / BEGUN).unlink()
    return AlignReport(len(corpus), unaligned)


def _digest(pronunciations: Mapping[str, Sequence[Pronunciation]]) -> str:
    return hashlib.sha256(repr(sorted(pronunciations.items())).encode()).hexdigest()[:16]


def _found_so_far(path: Path, digest: str) -> dict[str, Any]:
    """Outcomes of an interrupted run with the same pronunciations; else a new file is begun."""
    found: dict[str, Any] = {}
    if path.is_file():
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        if lines and lines[0] == f"{digest}\n":
            # the last line may have been cut off
            found = dict(json.loads(line) for line in lines[1:] if line.endswith("\n"))
    rows = "".join(f"{json.dumps([name, outcome])}\n" for name, outcome in found.items())
    atomic_write(path, f"{digest}\n{rows}")
    return found


def _outcomes(
    utterances: Sequence[Utterance],
    pronunciations: Mapping[str, Sequence[Pronunciation]],
    jobs: int,
) -> Iterator[tuple[str, Any]]:
    """Of each utterance its alignment as JSON has it, or the reason why there is none."""
    if jobs == 1 or len(utterances) < 2:
        aligner = SphinxAligner(pronunciations)
        yield from ((u.id, _outcome(aligner, u)) for u in utterances)
        return
    with ProcessPoolExecutor(
        jobs, get_context("spawn"), initializer=_start_worker, initargs=(dict(pronunciations),)
    ) as pool:
        names = [utterance.id for utterance in utterances]
        yield from zip(names, pool.map(_in_worker, utterances, chunksize=8), strict=True)


_worker: list[SphinxAligner] = []


def _start_worker(pronunciations: Mapping[str, Sequence[Pronunciation]]) -> None:
    _worker.append(SphinxAligner(pronunciations))


def _in_worker(utterance: Utterance) -> Any:
    return _outcome(_worker[0], utterance)


def _outcome(aligner: Aligner, utterance: Utterance) -> Any:
    try:
        found = aligner.align(utterance.waveform(), words_of(utterance.text))
    except (UnalignableError, AudioError) as error:
        return str(error)
    return asdict(found)


def _rewrite(folder: Path, found: Mapping[str, Mapping[str, Any]]) -> None:
    """The supervisions again, with alignments of those that have one."""
    from lhotse import SupervisionSet
    from lhotse.supervision import AlignmentItem

    def items(intervals: Sequence[Mapping[str, Any]]) -> list[AlignmentItem]:
        kept = [Interval(**interval) for interval in intervals]
        return [
            AlignmentItem(i.symbol, round(i.start, 4), round(i.duration, 4), round(i.score, 2))
            for i in kept
        ]

    with (
        atomic_path(folder / SUPERVISIONS) as path,
        gzip.open(path, "wt", encoding="utf-8") as file,
    ):
        for supervision in SupervisionSet.from_jsonl_lazy(folder / SUPERVISIONS):
            known = found.get(supervision.id)
            supervision.alignment = (
                None
                if known is None
                else {
                    WORDS: items(known["words"]),
                    ALIGNMENT: items(known["phones"]),
                }
            )
            file.write(json.dumps(supervision.to_dict(), ensure_ascii=False) + "\n")
