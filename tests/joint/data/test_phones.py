"""Phone intervals keep their places through cutting, speed changes, repetition and storage."""

import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from joint.data.choices import Encoding
from joint.data.corpus import SUPERVISIONS
from joint.data.opening import open_corpus
from joint.data.phones import PHONES, PhoneIntervals, read_inventory
from joint.data.scenes.planning import ScenePlanner
from joint.data.scenes.rendering import Renderer
from joint.data.storage.sharding import shard_corpus
from joint.data.storage.store import FileStore
from joint.errors import DataError


def by_sample(intervals: PhoneIntervals) -> np.ndarray:
    """The phone at every sample."""
    lengths = np.diff(np.concatenate([[0], intervals.ends]))
    return np.repeat(intervals.phones, lengths)


def some_intervals(seed: int, count: int = 12) -> PhoneIntervals:
    rng = np.random.default_rng(seed)
    ends = np.cumsum(rng.integers(5, 60, count))
    return PhoneIntervals(rng.integers(-1, 40, count).astype(np.int16), ends)


@pytest.mark.parametrize("seed", range(20))
def test_part_and_tiled_are_those_of_every_sample(seed: int) -> None:
    intervals = some_intervals(seed)
    whole = by_sample(intervals)
    rng = np.random.default_rng((seed, 1))
    start = int(rng.integers(len(whole) - 1))
    length = int(rng.integers(1, len(whole) - start + 1))
    part = intervals.part(1.0, start, length)
    assert part.ends[-1] == length
    np.testing.assert_array_equal(by_sample(part), whole[start : start + length])
    longer = int(rng.integers(1, 4 * length))
    repeated = np.tile(whole[start : start + length], 4)[:longer]
    np.testing.assert_array_equal(by_sample(part.tiled(longer)), repeated)


def test_part_at_another_speed() -> None:
    intervals = PhoneIntervals(np.array([0, 5, 7], dtype=np.int16), np.array([1600, 3200, 8000]))
    part = intervals.part(1.25, 1280, 2560)  # what was 1600 to 4800
    assert part.row() == ([5, 7], [1280, 2560])


def with_times(folder: Path, phones: list[list[object]], inventory: str) -> Path:
    """The prepared folder, its first utterance aligned."""
    path = folder / SUPERVISIONS
    with gzip.open(path, "rt") as file:
        rows = [json.loads(line) for line in file]
    rows[0]["alignment"] = {"phone": phones, "word": [["ab", 0.1, 0.5, 0.0]]}
    with gzip.open(path, "wt") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    (folder / PHONES).write_text(inventory)
    return folder


@pytest.fixture
def timed(prepared: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "timed"
    shutil.copytree(prepared / "test", folder)
    return with_times(folder, [["AA", 0.1, 0.2, 0.0], ["B", 0.5, 0.1, 0.0]], "SIL\nAA\nB\n")


def test_manifests_and_shards_keep_them(timed: Path, tmp_path: Path) -> None:
    corpus = open_corpus(timed)
    assert corpus.phones == ("SIL", "AA", "B")
    first = corpus.utterances[0]
    assert first.phones is not None and corpus.utterances[1].phones is None
    assert first.phones.row() == ([0, 1, 0, 2, 0], [1600, 4800, 8000, 9600, first.samples])
    assert first.words == (("ab", 1600, 9600),)
    shard_corpus(timed, tmp_path / "shards", 50, Encoding.ORIGINAL)
    shards = open_corpus(tmp_path / "shards", tmp_path / "cache")
    assert shards.phones == corpus.phones and shards.utterances[1].phones is None
    assert shards.utterances[0].phones is not None
    assert shards.utterances[0].phones.row() == first.phones.row()
    assert shards.utterances[0].words == first.words and shards.utterances[1].words is None


def test_a_batch_says_what_each_enrolment_holds(timed: Path) -> None:
    corpus = open_corpus(timed)
    planner = ScenePlanner(speakers=0, enrollment=9.0, speeds=(1.0, 0.8))
    renderer = Renderer(corpus, FileStore(corpus))
    scenes = [planner.plan(corpus, 1, 0, i) for i in range(planner.epoch_length(corpus))]
    chosen = [s for s in scenes if s.enrollments[0].segment.utterance == 0][:1] + scenes[:3]
    batch = renderer.batch(chosen)
    phones, ends = batch.enrollment_phones, batch.enrollment_phone_ends
    assert phones is not None and ends is not None and phones.shape == ends.shape
    assert bool((ends[..., -1] == 9 * 16_000).all()) and bool((ends.diff() >= 0).all())
    segment = chosen[0].enrollments[0].segment
    known = corpus.utterances[0].phones
    assert known is not None
    own = known.part(segment.speed, segment.start, segment.length)
    assert phones[0, 0, : len(own.phones)].tolist() == own.phones.tolist()
    others = [i for i, s in enumerate(chosen) if s.enrollments[0].segment.utterance != 0]
    assert others and bool((phones[others] == -1).all())


def test_a_corpus_without_times_has_no_such_field(prepared: Path) -> None:
    corpus = open_corpus(prepared / "test")
    renderer = Renderer(corpus, FileStore(corpus))
    scene = ScenePlanner(speakers=0).plan(corpus, 1, 0, 0)
    assert "enrollment_phones" not in renderer.batch([scene]).present()


def test_strange_phones_are_refused(timed: Path) -> None:
    with_times(timed, [["QQ", 0.1, 0.2, 0.0]], "SIL\nAA\n")
    with pytest.raises(DataError, match="the phone QQ"):
        open_corpus(timed)


@pytest.mark.parametrize("content", ["", "AA\nSIL\n", "SIL\nAA\nAA\n"])
def test_damaged_inventories_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / PHONES).write_text(content)
    with pytest.raises(DataError, match="SIL, then each phone once"):
        read_inventory(tmp_path / PHONES)
