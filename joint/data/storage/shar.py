"""Corpora as lhotse Shar folders, local or behind a URL, with an index for random access.

`shar/` holds what lhotse reads (`cuts.000000.jsonl.gz`, `recording.000000.tar`). Beside it are
`index.jsonl.gz`, with the labels of every utterance and the position of its bytes, and
`shards.json` with size and SHA-256 of every file, and the corpus's lists of trials and mixtures.
Planning reads the index alone; a shard is fetched when it is first read.
"""

import gzip
import hashlib
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from joint.data.corpus import Corpus, Utterance
from joint.data.phones import PhoneIntervals, TimedWord
from joint.data.storage.remote import fetch, read_small
from joint.data.storage.shard import Shard, Stored
from joint.errors import DataError
from joint.files import atomic_write

SHAR, SHARDS, INDEX = "shar", "shards.json", "index.jsonl.gz"
FIELDS = ("id", "speaker", "text", "gender", "age", "age_group", "samples", "session")
FORMAT = 1
WRITTEN_BY = "what 'joint shard' writes"

logger = logging.getLogger(__name__)


def open_shards(folder: Path) -> Corpus:
    """The corpus of a folder that `joint shard` wrote. Raises DataError."""
    table = _parsed((folder / SHARDS).read_bytes(), folder / SHARDS)
    shards = [
        Shard(folder / SHAR / name, size, sha256)
        for name, size, sha256 in _files(table, folder / SHARDS)
    ]
    return Corpus(list(_utterances(folder / INDEX, shards)), folder, _phones(table))


def open_remote(url: str, cache: Path) -> Corpus:
    """The sharded corpus at `url`; what is fetched is kept in `cache`, and without the server taken
    from there. Raises DataError."""
    own, content, table = _remote_table(url, cache)
    *files, (name, size, sha256) = _files(table, f"{url}/{SHARDS}", INDEX)
    index = own / f"{sha256[:16]}-{name}"
    fetch(f"{url}/{name}", index, size, sha256)
    # Named by content, so that another corpus at the same URL does not read these.
    shards = [Shard(own / f"{s[:16]}-{n}", b, s, f"{url}/{SHAR}/{n}") for n, b, s in files]
    utterances = list(_utterances(index, shards))
    atomic_write(own / SHARDS, content)
    return Corpus(utterances, url, _phones(table))


def fetch_list(url: str, name: str, cache: Path) -> Path | None:
    """A list of trials or mixtures beside the shards at `url`, in `cache`; None where there is no
    such list. Raises DataError."""
    own, _, table = _remote_table(url, cache)
    if name not in table.get("files", {}):
        return None
    _, size, sha256 = _files(table, f"{url}/{SHARDS}", name)[-1]
    path = own / sha256[:16] / name
    fetch(f"{url}/{name}", path, size, sha256)
    return path


def _remote_table(url: str, cache: Path) -> tuple[Path, bytes, dict[str, Any]]:
    """The folder of `url` in the cache, and its table of files, as bytes and read."""
    own = cache / hashlib.sha256(url.encode()).hexdigest()[:16]
    where = f"{url}/{SHARDS}"
    try:
        content = read_small(where)
        return own, content, _parsed(content, where)
    except DataError as error:
        if not (own / SHARDS).is_file():
            raise
        logger.warning("%s; the copy in %s is used", error, own)
        content = (own / SHARDS).read_bytes()
        return own, content, _parsed(content, own / SHARDS)


def _parsed(content: bytes, where: str | Path) -> dict[str, Any]:
    try:
        table = json.loads(content)
        if table["format"] != FORMAT:
            raise DataError(where, f"format {table['format']}", f"format {FORMAT}")
        return dict(table)
    except (ValueError, KeyError, TypeError):
        raise DataError(where, "another content", WRITTEN_BY) from None


def _phones(table: dict[str, Any]) -> tuple[str, ...]:
    return tuple(map(str, table.get("phones", ())))


def _files(table: dict[str, Any], where: str | Path, *more: str) -> list[tuple[str, int, str]]:
    """Name, bytes and SHA-256 of every shard in order, then of the other files asked for."""
    try:
        rows = [*table["shards"], *(table["files"][name] for name in more)]
        found = [(str(r["name"]), int(r["bytes"]), str(r["sha256"])) for r in rows]
    except (ValueError, KeyError, TypeError):
        raise DataError(where, "another content", WRITTEN_BY) from None
    for name, _, sha256 in found:
        # Both become part of a path in the cache.
        if Path(name).name != name or not re.fullmatch("[0-9a-f]{64}", sha256):
            raise DataError(where, f"{name!r} of SHA-256 {sha256[:64]!r}", WRITTEN_BY)
    return found


def _utterances(index: Path, shards: list[Shard]) -> Iterator[Utterance]:
    try:
        with gzip.open(index, "rt", encoding="utf-8") as file:
            for line in file:
                row = json.loads(line)
                shard = shards[row["shard"]]
                yield Utterance(
                    **{field: row.get(field) for field in FIELDS},
                    path=f"{shard.name}#{row['id']}",
                    stored=Stored(shard, row["offset"], row["size"]),
                    phones=PhoneIntervals.from_row(row["phones"]) if "phones" in row else None,
                    pronunciation=np.array(row["pronunciation"], dtype=np.int16)
                    if "pronunciation" in row
                    else None,
                    words=tuple(TimedWord(*w) for w in row["words"]) if "words" in row else None,
                )
    except (OSError, EOFError, ValueError, KeyError, IndexError, TypeError) as error:
        raise DataError(index, f"an unreadable index ({error})", WRITTEN_BY) from error
