"""Embeddings of many recordings: batches of similar length and bounded size, decoded ahead of the
encoder."""

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress

from joint.audio import inspect_audio, read_audio
from joint.data.corpus import Corpus, Utterance
from joint.errors import AudioError, DataError, JointError
from joint.training.memory import giving_back
from joint.units import SAMPLE_RATE, Seconds

Embed = Callable[[Sequence[np.ndarray]], np.ndarray]
"""Waveforms `(S,)` float32 at 16 kHz to embeddings `(n, E)`."""

Recording = Path | Utterance

BATCH_SECONDS: Seconds = 120.0
"""Padded audio in one batch: what memory has to hold."""

logger = logging.getLogger(__name__)


@dataclass
class EmbeddedFiles:
    """`embeddings (n, E)` float32 of `names`, their durations `seconds (n,)`, and the recordings
    that could not be read, with the reason."""

    names: list[str]
    embeddings: np.ndarray
    seconds: np.ndarray
    skipped: dict[str, AudioError] = field(default_factory=dict)

    def rows(self) -> dict[str, int]:
        """Row of each name."""
        return {name: row for row, name in enumerate(self.names)}


def embed_files(
    embed: Embed,
    recordings: Mapping[str, Recording],
    batch_seconds: Seconds = BATCH_SECONDS,
    progress: bool = False,
) -> EmbeddedFiles:
    """Embed each recording once, in the order of `recordings`.

    Recordings that cannot be read are logged and listed in `skipped`. Raises DataError where none
    can be read, JointError where `embed` returns anything but finite `(n, E)`.
    """
    return at_least_one(embed_readable(embed, recordings, batch_seconds, progress))


def embed_readable(
    embed: Embed,
    recordings: Mapping[str, Recording],
    batch_seconds: Seconds = BATCH_SECONDS,
    progress: bool = False,
) -> EmbeddedFiles:
    """As `embed_files`, but the result may have no row: all of `recordings` may be unreadable."""
    found: dict[str, np.ndarray] = {}
    lengths: dict[str, Seconds] = {}
    skipped: dict[str, AudioError] = {}
    names = list(recordings)
    console = Console(stderr=True)
    bar = Progress(console=console, disable=not progress or not console.is_terminal)
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as readers, bar:
        task = bar.add_task("embedding", total=len(names))
        seconds = dict(zip(names, readers.map(_seconds, recordings.values()), strict=True))
        batches = bounded_batches(seconds, batch_seconds)
        for batch in giving_back(_read_ahead(readers, recordings, batches)):
            waveforms: dict[str, np.ndarray] = {}
            for name, pending in batch.items():
                try:
                    waveforms[name] = pending.result()
                    lengths[name] = len(waveforms[name]) / SAMPLE_RATE
                except AudioError as error:
                    logger.warning("skipped %s: %s", name, error)
                    skipped[name] = error
            if waveforms:
                embeddings = _checked(embed(list(waveforms.values())), list(waveforms))
                found.update(zip(waveforms, embeddings, strict=True))
            bar.advance(task, len(batch))
    kept = [name for name in names if name in found]
    return EmbeddedFiles(
        kept,
        np.stack([found[name] for name in kept]) if kept else np.zeros((0, 0), np.float32),
        np.array([lengths[name] for name in kept]),
        skipped,
    )


def at_least_one(embedded: EmbeddedFiles) -> EmbeddedFiles:
    """`embedded` itself. Raises DataError where not one recording could be read."""
    if not embedded.names:
        first = next(iter(embedded.skipped.values()), None)
        raise DataError("recordings", f"none that can be read ({first})", "at least one")
    return embedded


def embed_corpus(
    embed: Embed, corpus: Corpus, names: Iterable[str] | None = None, progress: bool = False
) -> EmbeddedFiles:
    """Embed the utterances of a corpus called `names`, or all of them; see `embed_files`."""
    chosen = corpus.by_id if names is None else names
    return embed_files(embed, {name: corpus.by_id[name] for name in chosen}, progress=progress)


def bounded_batches(seconds: Mapping[str, Seconds], batch_seconds: Seconds) -> list[list[str]]:
    """Names in batches of similar length, longest first, at most `batch_seconds` with padding.

    A longer recording is a batch of its own.
    """
    batches: list[list[str]] = []
    longest = 0.0
    for name in sorted(seconds, key=lambda name: -seconds[name]):
        if not batches or (len(batches[-1]) + 1) * longest > batch_seconds:
            batches.append([])
            longest = seconds[name]
        batches[-1].append(name)
    return batches


def _read_ahead(
    readers: ThreadPoolExecutor, recordings: Mapping[str, Recording], batches: list[list[str]]
) -> Iterator[dict[str, Future[np.ndarray]]]:
    """Batches being decoded, one ahead of the caller's: memory holds two at most."""
    ahead: dict[str, Future[np.ndarray]] | None = None
    for batch in batches:
        current, ahead = (
            ahead,
            {name: readers.submit(_waveform, recordings[name]) for name in batch},
        )
        if current is not None:
            yield current
    if ahead is not None:
        yield ahead


def _waveform(recording: Recording) -> np.ndarray:
    return recording.waveform() if isinstance(recording, Utterance) else read_audio(recording)


def _seconds(recording: Recording) -> Seconds:
    """Duration as the corpus knows it, or by the header; 0 for a file that `read_audio` will refuse
    with a reason."""
    if isinstance(recording, Utterance):
        if recording.samples:
            return recording.seconds
        recording = Path(recording.path)
    try:
        info = inspect_audio(recording, whole=False)
    except AudioError:
        return 0.0
    return info.samples / info.sample_rate


def _checked(embeddings: np.ndarray, names: list[str]) -> np.ndarray:
    embeddings = np.asarray(embeddings, dtype=np.float32)
    expected = f"finite embeddings ({len(names)}, E)"
    if embeddings.ndim != 2 or len(embeddings) != len(names):
        raise JointError("embed", f"an array of shape {embeddings.shape}", expected)
    if not (finite := np.isfinite(embeddings).all(axis=1)).all():
        bad = names[int(np.argmin(finite))]
        raise JointError("embed", f"NaN or infinity in the embedding of {bad}", expected)
    return embeddings
