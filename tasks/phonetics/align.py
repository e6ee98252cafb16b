"""Phone alignment of a prepared folder, written into its manifests."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from joint.data.corpus import Utterance
from joint.data.opening import read_manifests
from joint.data.phones import ALIGNMENT, PRONUNCIATION, WORDS
from joint.errors import AudioError
from joint.files import atomic_write
from joint.layers.workers import worker_pool
from joint.text.pronunciation import Pronunciation, pronounced, words_of
from joint.training.progress import shown
from tasks.phonetics.annotate import AlignReport, forget, refuse_none, write_phones
from tasks.phonetics.sphinx import Alignment, Interval, SphinxAligner, UnalignableError

if TYPE_CHECKING:
    from lhotse import SupervisionSegment
    from lhotse.supervision import AlignmentItem

BEGUN = "alignments.partial.jsonl"
"""Alignments of an interrupted run, which the next one resumes."""


class Aligner(Protocol):
    """Aligns the words and phones of a recording."""

    def align(self, waveform: np.ndarray, words: Sequence[str]) -> Alignment:
        """Raises UnalignableError."""


def align_folder(
    folder: str | Path, lexicon: Mapping[str, list[Pronunciation]], jobs: int = 1
) -> AlignReport:
    """Align every utterance of a prepared folder with its words; rewrites its supervisions, with
    alignments `word` and `phone`, and writes the inventory `phones.txt` and `unaligned.tsv`.

    The custom field `pronunciation` has the phones alone. An interrupted run is resumed. Raises
    DataError for a folder that is not prepared, and where nothing can be aligned.
    """
    folder = Path(folder)
    corpus = read_manifests(folder)
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
    refuse_none(folder, len(corpus), unaligned)

    def annotate(supervision: "SupervisionSegment") -> None:
        known = found[supervision.id]
        if isinstance(known, str):
            forget(supervision)
            return
        supervision.alignment = {
            WORDS: _items(known["words"]),
            ALIGNMENT: _items(known["phones"]),
        }
        spoken = [phone["symbol"] for phone in known["phones"]]
        supervision.custom = {**(supervision.custom or {}), PRONUNCIATION: spoken}

    write_phones(folder, annotate, unaligned)
    (folder / BEGUN).unlink()
    return AlignReport(len(corpus), unaligned)


def _items(intervals: Sequence[Mapping[str, Any]]) -> list["AlignmentItem"]:
    from lhotse.supervision import AlignmentItem

    kept = [Interval(**interval) for interval in intervals]
    return [
        AlignmentItem(i.symbol, round(i.start, 4), round(i.duration, 4), round(i.score, 2))
        for i in kept
    ]


def _digest(pronunciations: Mapping[str, Sequence[Pronunciation]]) -> str:
    return hashlib.sha256(repr(sorted(pronunciations.items())).encode()).hexdigest()[:16]


def _found_so_far(path: Path, digest: str) -> dict[str, Any]:
    """Outcomes of an interrupted run with the same pronunciations; otherwise a new file."""
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
    """Each utterance's alignment in JSON's types, or the reason why there is none."""
    if jobs == 1 or len(utterances) < 2:
        aligner = SphinxAligner(pronunciations)
        yield from ((u.id, _outcome(aligner, u)) for u in utterances)
        return
    with worker_pool(jobs, _start_worker, (dict(pronunciations),)) as pool:
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
