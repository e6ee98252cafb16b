"""Streams: the same scenes for any number of workers and ranks, from any point on."""

from collections.abc import Iterator
from dataclasses import fields, replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

from joint.data.corpus import Corpus
from joint.data.scenes import augmentation
from joint.data.scenes.augmentation import ROOMS
from joint.data.scenes.planning import ScenePlanner
from joint.data.scenes.stream import SceneStream
from joint.data.storage.store import FileStore, PackedStore
from joint.errors import AudioError, ConfigError, DataError
from joint.scene import FIELDS, EnrollmentPlan, SceneBatch, Segment

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
def test_a_corpus_that_is_not_there_is_named(corpus: Corpus, tmp_path: Path, workers: int) -> None:
    lost = Corpus(
        [replace(u, path=str(tmp_path / f"{u.id}.wav")) for u in corpus.utterances], "lost"
    )
    stream = SceneStream(lost, FileStore(lost), PLANNER, 4, seed=0)
    with pytest.raises(DataError, match=f"lost: found 9 of 40 recordings.*{tmp_path}.*no such"):
        next(stream.batches(0, workers))


@pytest.fixture(scope="module")
def bad(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Three bad recordings of forty: one listed without a length, one junk, one of silence."""
    folder = tmp_path_factory.mktemp("bad")
    (folder / "junk.wav").write_bytes(b"junk")
    soundfile.write(folder / "silent.wav", np.zeros(48_000), 16_000)
    utterances = list(corpus.utterances)
    utterances[3] = replace(utterances[3], path=str(folder / "junk.wav"), samples=0)
    utterances[17] = replace(utterances[17], path=str(folder / "junk.wav"))
    utterances[30] = replace(utterances[30], path=str(folder / "silent.wav"))
    return Corpus(utterances, "bad")


class TestUnreadable:
    """What happens to scenes with bad recordings."""

    def names(self, bad: Corpus) -> set[str]:
        return {bad.utterances[i].id for i in (3, 17, 30)}

    @pytest.mark.parametrize("packed", [False, True])
    def test_scenes_without_them_take_their_place(
        self, bad: Corpus, packed: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        speeds = (1.0, 0.9, 1.1)
        store = PackedStore(bad, speeds, tmp_path) if packed else FileStore(bad)
        stream = SceneStream(bad, store, PLANNER, 4, seed=11)
        batches = [stream[step] for step in range(20)]
        assert set(stream.skipped) == self.names(bad)
        for name in self.names(bad):
            assert f"skipped {name}" in caplog.text or name == bad.utterances[3].id
        read = {
            s.utterance
            for step in range(20)
            for plan in stream.plans(step)
            for s in stream.renderer.segments(plan)
        }
        assert len(read) > 30 and not read & {3, 17, 30}
        # Whoever renders, and whatever is already known of the recordings.
        again = SceneStream(bad, store, PLANNER, 4, seed=11)
        for step in (19, 7, 0):
            assert_same(again[step], batches[step])
        other = SceneStream(bad, store, PLANNER, 4, seed=11)
        assert_all_same(other.batches(0, 2), batches)
        assert set(other.skipped) == self.names(bad)
        if packed:
            reopened = PackedStore(bad, speeds, tmp_path)
            with pytest.raises(AudioError, match="digital silence"):
                reopened.read(30, 1.0, 0, 100)

    def test_rows_of_one_speaker_stay_whole(self, bad: Corpus) -> None:
        planner = ScenePlanner(speakers=0, enrollment=0.5, utterances_per_speaker=2)
        stream = SceneStream(bad, FileStore(bad), planner, 4, seed=1)
        for step in range(20):
            speaker = stream[step].speaker
            assert speaker is not None
            assert (speaker[0::2] == speaker[1::2]).all()


class TestFields:
    """Only what is asked for is rendered."""

    class Counting(FileStore):
        def __init__(self, corpus: Corpus) -> None:
            super().__init__(corpus)
            self.read_ids: list[int] = []

        def read(self, utterance: int, speed: float, start: int, length: int) -> np.ndarray:
            self.read_ids.append(utterance)
            return super().read(utterance, speed, start, length)

    @pytest.mark.parametrize(
        "wanted",
        [
            {"speaker", "enrollment_source", "start_samples"},
            {"enrollment", "enrollment_lengths"},
            {"mixture", "mixture_lengths", "enrollment_source"},
            {"sources"},
            set(FIELDS),
        ],
    )
    def test_a_field_is_the_same_whatever_else_is_rendered(
        self, corpus: Corpus, wanted: set[str], expected: list[SceneBatch]
    ) -> None:
        store = self.Counting(corpus)
        stream = SceneStream(corpus, store, PLANNER, 4, seed=11, fields=wanted)
        for step in (0, 3):
            batch = stream[step]
            assert batch.present() - {"scene_ids"} == wanted & expected[step].present()
            for name in wanted & expected[step].present():
                value, whole = getattr(batch, name), getattr(expected[step], name)
                if name in ("enrollment", "mixture", "sources"):  # from files, not 16-bit packed
                    torch.testing.assert_close(value, whole, atol=2e-3, rtol=0)
                elif isinstance(value, Tensor):
                    assert torch.equal(value, whole)
                else:
                    assert value == whole

    def test_no_audio_is_read_for_what_nobody_asks_for(self, corpus: Corpus) -> None:
        plans = SceneStream(corpus, FileStore(corpus), PLANNER, 4, seed=11).plans(0)
        enrolled = [s.utterance for p in plans for e in p.enrollments for s in of_recording(e)]
        talking = [x.segment.utterance for p in plans for x in p.sources]
        noise = [s.utterance for p in plans if p.noise for s in p.noise.segments]
        for wanted, read in (
            ({"speaker", "texts", "augmentation"}, []),
            ({"enrollment"}, enrolled),
            ({"sources"}, talking),
            ({"mixture"}, talking + noise),
            ({"mixture", "enrollment"}, enrolled + talking + noise),
        ):
            store = self.Counting(corpus)
            SceneStream(corpus, store, PLANNER, 4, seed=11, fields=wanted)[0]
            assert sorted(store.read_ids) == sorted(read), wanted

    def test_a_name_that_is_no_field(self, corpus: Corpus) -> None:
        with pytest.raises(ValueError, match="no mixtures"):
            SceneStream(corpus, FileStore(corpus), PLANNER, 4, 0, fields={"mixtures"})


def of_recording(enrollment: EnrollmentPlan) -> list[Segment]:
    babble = enrollment.noise.segments if enrollment.noise else ()
    return [enrollment.segment, *babble]


def test_every_room_is_simulated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    simulated: list[tuple[int, int]] = []

    def simulate(seed: int, _reverberation: float, count: int) -> np.ndarray:
        simulated.append((seed, count))
        return np.zeros((count, 1), dtype=np.float32)

    monkeypatch.setattr(augmentation, "simulated_room", simulate)
    augmentation.room_responses.cache_clear()
    try:
        for _ in range(3):
            for seed in range(ROOMS):
                for count in (1, 2, 3):
                    augmentation.room_responses(seed, 0.3, count)
    finally:
        augmentation.room_responses.cache_clear()
    assert len(simulated) == len(set(simulated)) == 3 * ROOMS


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
