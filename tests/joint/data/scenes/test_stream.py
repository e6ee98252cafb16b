"""Streams: the same scenes for any number of workers and ranks, from any point on."""

from collections.abc import Iterator
from dataclasses import fields, replace
from itertools import islice
from pathlib import Path

import pytest
import torch
from torch import Tensor

from joint.data.corpus import Corpus
from joint.data.scenes.planning import ScenePlanner
from joint.data.scenes.stream import SceneStream
from joint.data.storage.store import FileStore, PackedStore
from joint.errors import AudioError, ConfigError
from joint.scene import SceneBatch

PLANNER = ScenePlanner(
    enrollments=2,
    chunk=0.8,
    enrollment=0.9,
    noise_probability=0.7,
    room_probability=0.5,
    enrollment_noise_probability=0.5,
    channel_probability=0.5,
)
BATCHES = 14
"""More than the ten batches of an epoch."""


@pytest.fixture(scope="module")
def stream(corpus: Corpus, store: PackedStore) -> SceneStream:
    return SceneStream(corpus, store, PLANNER, 4, seed=11)


@pytest.fixture(scope="module")
def expected(stream: SceneStream) -> list[SceneBatch]:
    return [stream[step] for step in range(BATCHES)]


def assert_same(first: SceneBatch, second: SceneBatch) -> None:
    for field in fields(SceneBatch):
        a, b = getattr(first, field.name), getattr(second, field.name)
        assert torch.equal(a, b) if isinstance(a, Tensor) else a == b, field.name


def assert_all_same(found: Iterator[SceneBatch], expected: list[SceneBatch]) -> None:
    for first, second in zip(islice(found, len(expected)), expected, strict=True):
        assert_same(first, second)


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_any_number_of_workers(
    stream: SceneStream, expected: list[SceneBatch], workers: int
) -> None:
    assert_all_same(stream.batches(0, workers), expected)


@pytest.mark.parametrize("workers", [0, 2])
def test_from_any_point_on(stream: SceneStream, expected: list[SceneBatch], workers: int) -> None:
    assert_all_same(stream.batches(9, workers), expected[9:])


def test_any_number_of_ranks(
    corpus: Corpus, store: PackedStore, expected: list[SceneBatch]
) -> None:
    ranks = [SceneStream(corpus, store, PLANNER, 4, 11, rank, 2) for rank in range(2)]
    for step, whole in enumerate(expected):
        shares = [rank[step] for rank in ranks]
        assert [len(share) for share in shares] == [2, 2]
        for field in fields(SceneBatch):
            parts = [getattr(share, field.name) for share in shares]
            value = getattr(whole, field.name)
            if isinstance(value, Tensor):
                assert torch.equal(torch.cat(parts), value), field.name
            elif value is not None:
                assert parts[0] + parts[1] == value


def test_an_epoch_after_the_other(stream: SceneStream, corpus: Corpus) -> None:
    plans = [scene for step in range(20) for scene in stream.plans(step)]
    for epoch in (plans[:40], plans[40:]):
        targets = [scene.sources[0].segment.utterance for scene in epoch]
        assert sorted(targets) == list(range(len(corpus)))


def test_another_seed_is_another_stream(
    corpus: Corpus, store: PackedStore, expected: list[SceneBatch]
) -> None:
    other = SceneStream(corpus, store, PLANNER, 4, seed=12)[0]
    assert other.mixture is not None and expected[0].mixture is not None
    assert not torch.equal(other.mixture, expected[0].mixture)


def test_a_batch_that_ranks_cannot_share(corpus: Corpus, store: PackedStore) -> None:
    with pytest.raises(ConfigError, match="a multiple of 2"):
        SceneStream(corpus, store, PLANNER, 3, 0, rank=0, world=2)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_lost_recording_is_named(corpus: Corpus, tmp_path: Path, workers: int) -> None:
    lost = Corpus(
        [replace(u, path=str(tmp_path / f"{u.id}.wav")) for u in corpus.utterances], "lost"
    )
    stream = SceneStream(lost, FileStore(lost), PLANNER, 4, seed=0)
    with pytest.raises(AudioError, match=str(tmp_path)):
        next(stream.batches(0, workers))


def test_a_batch_moves_to_a_device(expected: list[SceneBatch]) -> None:
    moved = expected[0].to("meta")
    assert moved.mixture is not None and moved.mixture.device.type == "meta"
    assert moved.scene_ids == expected[0].scene_ids


@pytest.mark.parametrize("workers", [0, 1])
def test_the_global_random_stream_is_left_alone(stream: SceneStream, workers: int) -> None:
    torch.manual_seed(3)
    undisturbed = torch.rand(3)
    torch.manual_seed(3)
    next(stream.batches(0, workers))
    assert torch.equal(torch.rand(3), undisturbed)
