"""A prepared corpus into Shar shards, which lhotse reads in a row and this package at random."""

import gzip
import hashlib
import io
import json
import logging
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import soundfile

from joint.audio import AudioInfo, inspect_audio
from joint.data.choices import Encoding, Kind
from joint.data.corpus import Corpus, Utterance
from joint.data.opening import open_corpus
from joint.data.phones import ALIGNMENT, WORDS
from joint.data.prepare.manifests import PrepareReport, Skipped, write_skipped, written_whole
from joint.data.prepare.tables import copy_lists, lists_of
from joint.data.recorded.folders import open_recorded
from joint.data.storage.shar import FIELDS, FORMAT, INDEX, SHAR, SHARDS
from joint.errors import AudioError, ConfigError, DataError
from joint.training.progress import shown
from joint.units import SAMPLE_RATE

if TYPE_CHECKING:
    from lhotse import Recording
    from lhotse.cut import Cut

logger = logging.getLogger(__name__)

FORMS = {Encoding.FLAC: ("FLAC", "PCM_16", ".flac"), Encoding.OPUS: ("OGG", "OPUS", ".opus")}


def shard_corpus(
    data: str | Path,
    output: str | Path,
    shard_size: int,
    encoding: Encoding = Encoding.ORIGINAL,
    kind: Kind = Kind.SPEECH,
) -> tuple[int, int]:
    """Write the corpus `data` (any that `open_corpus` opens) into the new folder `output`, whole or
    not at all, with the lists of trials and mixtures beside it. Of another `kind` than speech is
    what `open_recorded` opens: its recordings are stored as 16 kHz mono FLAC.

    Utterances are in the order of their ids, `shard_size` a shard. Recordings that cannot be read
    are logged, left out and listed in `skipped.tsv`. Gives the number of utterances and shards.
    Raises DataError for what is no corpus and where no recording can be read.
    """
    from lhotse.shar.utils import to_shar_placeholder
    from lhotse.shar.writers.cut import JsonlShardWriter
    from lhotse.shar.writers.tar import TarWriter

    corpus = open_corpus(data) if kind is Kind.SPEECH else open_recorded(data, kind)
    if kind is not Kind.SPEECH:
        if encoding is Encoding.OPUS:
            raise ConfigError("--encoding", encoding, f"{Encoding.FLAC} for {kind}")
        encoding = Encoding.FLAC
    kept, samples, report = [], [], PrepareReport(Path(output))
    with written_whole(output) as folder:
        # By itself: lhotse takes every file beside shards for one.
        shar = folder / SHAR
        shar.mkdir()
        with (
            TarWriter(str(shar / "recording.%06d.tar"), shard_size) as tar,
            JsonlShardWriter(str(shar / "cuts.%06d.jsonl.gz"), shard_size) as cuts,
        ):
            for entry in shown(corpus.utterances, "sharding", progress=True):
                try:
                    content, ending, info = _encoded(entry, encoding)
                except AudioError as error:
                    logger.warning("skipped %s: %s", entry.id, error)
                    report.skipped.append(Skipped(Path(corpus.where).name, entry.id, str(error)))
                    continue
                kept.append(entry)
                samples.append(entry.samples if encoding is Encoding.ORIGINAL else info.samples)
                recording = to_shar_placeholder(_recording(entry, info))
                described = json.dumps(recording.to_dict()).encode()
                tar.write(f"{entry.id}{ending}", io.BytesIO(content))
                tar.write(f"{entry.id}.json", io.BytesIO(described), count=False)
                cuts.write(_cut(entry, recording, corpus.phones))
        if not kept:
            reason = report.skipped[-1].reason
            raise DataError(data, f"no usable recording ({reason})", "at least one")
        if report.skipped:
            write_skipped(folder, report)
        shards = sorted(shar.glob("recording.*.tar"))
        if Path(data).is_dir():
            copy_lists(Path(data), folder)
        _write_index(folder, Corpus(kept, corpus.where, corpus.phones), samples, shards)
    return len(kept), len(shards)


def _encoded(entry: Utterance, encoding: Encoding) -> tuple[bytes, str, AudioInfo]:
    """An audio file's bytes, its ending, and what it holds. Raises AudioError."""
    path = Path(entry.path)
    if encoding is Encoding.ORIGINAL and entry.stored is None:
        info = inspect_audio(path, whole=False)
        return path.read_bytes(), path.suffix.lower(), info
    waveform = entry.waveform()
    if encoding is Encoding.ORIGINAL:
        encoding = Encoding.FLAC  # of one in a shard, which is at 16 kHz from here on
    form, subtype, ending = FORMS[encoding]
    file = io.BytesIO()
    soundfile.write(file, waveform, SAMPLE_RATE, format=form, subtype=subtype)
    content = file.getvalue()
    return content, ending, AudioInfo(SAMPLE_RATE, 1, soundfile.info(io.BytesIO(content)).frames)


def _recording(entry: Utterance, info: AudioInfo) -> "Recording":
    from lhotse import AudioSource, Recording

    return Recording(
        id=entry.id,
        sources=[AudioSource("memory", list(range(info.channels)), "")],
        sampling_rate=info.sample_rate,
        num_samples=info.samples,
        duration=info.samples / info.sample_rate,
    )


def _cut(entry: Utterance, recording: "Recording", inventory: Sequence[str]) -> "Cut":
    from lhotse import SupervisionSegment

    cut = recording.to_cut()
    cut.id = entry.id
    cut.supervisions = [
        SupervisionSegment(
            id=entry.id,
            recording_id=entry.id,
            start=0.0,
            duration=recording.duration,
            channel=cut.channel,
            text=entry.text,
            speaker=entry.speaker,
            gender=entry.gender,
            alignment=_alignment(entry, inventory),
        )
    ]
    return cut


def _alignment(entry: Utterance, inventory: Sequence[str]) -> dict[str, Any] | None:
    found: dict[str, Any] = {}
    if entry.words is not None:
        found[WORDS] = [word.item() for word in entry.words]
    if entry.phones is not None:
        found[ALIGNMENT] = entry.phones.items(inventory)
    return found or None


def _write_index(
    folder: Path, corpus: Corpus, samples: Sequence[int], shards: Sequence[Path]
) -> None:
    """`index.jsonl.gz`, a line an utterance in the order of the shards, and `shards.json`."""
    members = (
        (number, member)
        for number, shard in enumerate(shards)
        for member in _members(shard)
        if not member.name.endswith(".json")
    )
    # Without a time stamp, so that one corpus always gives one checksum.
    with (
        gzip.GzipFile(folder / INDEX, "wb", mtime=0) as packed,
        io.TextIOWrapper(packed, encoding="utf-8") as file,
    ):
        for entry, length, (number, member) in zip(
            corpus.utterances, samples, members, strict=True
        ):
            row = {field: getattr(entry, field) for field in FIELDS}
            row |= {"samples": length, "shard": number}
            row |= {"offset": member.offset_data, "size": member.size}
            row |= {} if entry.phones is None else {"phones": entry.phones.row()}
            row |= {} if entry.words is None else {"words": entry.words}
            if entry.pronunciation is not None:
                row["pronunciation"] = entry.pronunciation.tolist()
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    others = sorted([*folder.glob(f"{SHAR}/cuts.*"), folder / INDEX, *lists_of(folder)])
    table = {
        "format": FORMAT,
        "phones": corpus.phones,
        "shards": [_described(path) for path in shards],
        "files": {path.name: _described(path) for path in others},
    }
    (folder / SHARDS).write_text(json.dumps(table, indent=1), encoding="utf-8")


def _members(shard: Path) -> Iterator[tarfile.TarInfo]:
    with tarfile.open(shard) as tar:
        yield from tar


def _described(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": sha256}
