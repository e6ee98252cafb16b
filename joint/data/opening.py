"""Open a corpus and its lists, whatever form it is stored in."""

import logging
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from joint.data.choices import Check
from joint.data.corpus import RECORDINGS, SHARD_CACHE, SUPERVISIONS, Corpus, Utterance
from joint.data.phones import (
    ALIGNMENT,
    PHONES,
    PRONUNCIATION,
    WORDS,
    TimedWord,
    known_intervals,
    read_inventory,
)
from joint.data.prepare.checking import checked
from joint.data.prepare.tables import WAV_SCP, read_tables
from joint.data.storage.remote import as_url
from joint.data.storage.shar import SHARDS, fetch_list, open_remote, open_shards
from joint.errors import AudioError, DataError
from joint.units import SAMPLE_RATE, Samples

if TYPE_CHECKING:
    from lhotse import SupervisionSegment

logger = logging.getLogger(__name__)

CHAPTER = "chapter"
"""The custom field of a supervision that tells sessions apart."""
EXPECTED = "what 'joint prepare' or 'joint shard' writes, or wav.scp, text and utt2spk"


def open_corpus(where: str | Path, cache: str | Path = SHARD_CACHE) -> Corpus:
    """Open a corpus in any form: a folder that `joint prepare` or `joint shard` wrote, the URL of a
    sharded one, or a folder of Kaldi tables (`wav.scp text utt2spk`).

    Shards of a URL are kept in `cache`; once they are there, the server is not needed. Raises
    DataError for anything else, and for manifests and tables that do not match.
    """
    if url := as_url(where):
        return open_remote(url, Path(cache))
    folder = Path(where)
    if (folder / SHARDS).is_file():
        return open_shards(folder)
    if (folder / RECORDINGS).is_file() or (folder / SUPERVISIONS).is_file():
        return read_manifests(folder)
    if (folder / WAV_SCP).is_file():
        return measured_tables(folder)
    found = "a folder without a corpus" if folder.is_dir() else "no folder"
    raise DataError(folder, found, EXPECTED)


def find_list(where: str | Path, name: str, cache: str | Path = SHARD_CACHE) -> Path | None:
    """The list `name`, such as `trials`, of a corpus that `open_corpus` opens; None where it has no
    such list. One of a URL is fetched into `cache`. Raises DataError."""
    if url := as_url(where):
        return fetch_list(url, name, Path(cache))
    path = Path(where) / name
    return path if path.is_file() else None


def read_manifests(folder: Path) -> Corpus:
    """Read `recordings.jsonl.gz` and `supervisions.jsonl.gz`, as `joint prepare` writes them.

    A relative path in a manifest is one below `folder`. Raises DataError for a folder without the
    manifests or with some that do not match.
    """
    from lhotse import RecordingSet, SupervisionSet

    for name in (RECORDINGS, SUPERVISIONS):
        if not (folder / name).is_file():
            raise DataError(folder / name, "no file", "a manifest written by 'joint prepare'")
    inventory = read_inventory(folder / PHONES)
    root = os.path.abspath(folder)
    try:
        # A line at a time: a million of lhotse's objects take many gigabytes.
        recordings = {
            r.id: (os.path.join(root, r.sources[0].source), int(r.duration * SAMPLE_RATE))
            for r in RecordingSet.from_jsonl_lazy(folder / RECORDINGS)
        }
        utterances = [
            _utterance(supervision, recordings, folder, inventory)
            for supervision in SupervisionSet.from_jsonl_lazy(folder / SUPERVISIONS)
        ]
    except DataError:
        raise
    except Exception as error:  # lhotse raises whatever its JSON reader does
        raise DataError(folder, f"an unreadable manifest ({error})", "lhotse jsonl.gz") from None
    return Corpus(utterances, folder, inventory)


def measured_tables(folder: Path) -> Corpus:
    """A corpus of Kaldi tables; the length of each recording is that of its header, 0 where the
    recording cannot be read."""
    rows = read_tables(folder)
    jobs = min(16, 2 * (os.cpu_count() or 1))
    found = list(checked((Path(row.path) for row in rows), Check.HEADER, jobs))
    if bad := [info for info in found if isinstance(info, AudioError)]:
        logger.warning("%d of %d recordings cannot be read (%s …)", len(bad), len(rows), bad[0])
    return Corpus(
        [
            row
            if isinstance(info, AudioError)
            else replace(row, samples=int(info.samples * SAMPLE_RATE / info.sample_rate))
            for row, info in zip(rows, found, strict=True)
        ],
        folder,
    )


def _utterance(
    supervision: "SupervisionSegment",
    recordings: dict[str, tuple[str, Samples]],
    folder: Path,
    inventory: tuple[str, ...],
) -> Utterance:
    if supervision.recording_id not in recordings:
        raise DataError(folder, f"supervision {supervision.id} alone", "its recording too")
    path, samples = recordings[supervision.recording_id]
    found = (supervision.alignment or {}) if inventory else {}
    items, words = found.get(ALIGNMENT), found.get(WORDS)
    return Utterance(
        id=supervision.id,
        path=path,
        speaker=supervision.speaker or supervision.id,
        text=supervision.text or "",
        gender=supervision.gender,
        age=(supervision.custom or {}).get("age"),
        age_group=(supervision.custom or {}).get("age_group"),
        samples=samples,
        phones=None
        if items is None
        else known_intervals(items, inventory, samples, f"{folder}: {supervision.id}"),
        words=None if words is None else tuple(map(TimedWord.of, words)),
        pronunciation=_pronunciation(supervision, inventory, folder),
        session=(supervision.custom or {}).get(CHAPTER),
    )


def _pronunciation(
    supervision: "SupervisionSegment", inventory: tuple[str, ...], folder: Path
) -> np.ndarray | None:
    spoken = (supervision.custom or {}).get(PRONUNCIATION) if inventory else None
    if spoken is None:
        return None
    if strange := [phone for phone in spoken if phone not in inventory]:
        where = f"{folder}: {supervision.id}"
        raise DataError(where, f"the phone {strange[0]}", f"those of {PHONES}")
    return np.array([inventory.index(phone) for phone in spoken], dtype=np.int16)
