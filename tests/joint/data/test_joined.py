"""Several corpora as one: names, classes, weights, and the part that a stream reads."""

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from joint.data.corpus import Corpus, Utterance
from joint.data.joined import JoinedCorpus, warn_of_same_speakers
from joint.data.opening import open_corpus
from joint.data.scenes.planning import ScenePlanner
from joint.data.scenes.stream import SceneStream
from joint.data.storage.sharding import shard_corpus
from joint.data.storage.store import FileStore, JoinedStore, PackedStore
from joint.errors import ConfigError, DataError
from joint.scene import FIELDS, Scene, SceneBatch

RICH = ScenePlanner(
    speakers=2,
    chunk=0.8,
    enrollment=0.9,
    absent_probability=0.3,
    noise_probability=0.7,
    babble_share=0.8,
    enrollment_noise_probability=0.4,
)
Slice = Callable[[int, int], Corpus]


@pytest.fixture(scope="module")
def slice_of(prepared: Path) -> Slice:
    """Some speakers of the embedded corpus, with four utterances each."""
    whole = open_corpus(prepared / "train")

    def made(first: int, last: int) -> Corpus:
        chosen = [i for own in whole.of_speaker[first:last] for i in own[:4]]
        return Corpus([whole.utterances[i] for i in chosen], f"{whole.where}/{first}")

    return made


@pytest.fixture(scope="module")
def joined(slice_of: Slice) -> JoinedCorpus:
    """A corpus `b` of 6 speakers with 24 utterances and a corpus `a-c` of 5 with 20."""
    return JoinedCorpus({"b": slice_of(0, 6), "a-c": slice_of(6, 11)}, {"a-c": 2.5})


def names(corpus: JoinedCorpus, utterances: np.ndarray) -> Counter[str]:
    return Counter(corpus.utterances[u].id.split("/")[0] for u in utterances)


def plans(corpus: Corpus, epochs: int = 2) -> list[Scene]:
    size = RICH.epoch_length(corpus)
    return [RICH.plan(corpus, 5, epoch, i) for epoch in range(epochs) for i in range(size)]


def spoken(scenes: list[Scene]) -> tuple[set[int], set[int]]:
    """All utterances and speaker classes of scenes, noise included."""
    segments = [e.segment for s in scenes for e in s.enrollments]
    segments += [x.segment for s in scenes for x in s.sources]
    noises = [s.noise for s in scenes] + [e.noise for s in scenes for e in s.enrollments]
    segments += [segment for noise in noises if noise for segment in noise.segments]
    return {s.utterance for s in segments}, {s.speaker for s in segments}


def test_equal_names_are_different_speakers_and_utterances(
    slice_of: Slice, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = slice_of(0, 3), slice_of(3, 6)
    same = dict(zip(second.speakers, first.speakers, strict=True))
    renamed = [
        replace(u, id=v.id, speaker=same[u.speaker])
        for u, v in zip(second.utterances, first.utterances, strict=True)
    ]
    corpora = {"x": first, "y": Corpus(renamed, "there")}
    with caplog.at_level(logging.WARNING):
        warn_of_same_speakers(corpora)
    both = JoinedCorpus(corpora)
    assert len(both.speakers) == 6 and len(both.by_id) == len(both) == 24
    assert both.speakers == [f"{c}/{s}" for c in "xy" for s in first.speakers]
    assert [r.message.count("3 speakers have the same names") for r in caplog.records] == [1]
    assert first.speakers[0] in caplog.text


def test_a_recording_in_two_corpora_is_refused(slice_of: Slice, tmp_path: Path) -> None:
    first, second = slice_of(0, 3), slice_of(2, 5)
    with pytest.raises(DataError, match=rf"{second.where}: found .* in {first.where}; expected"):
        JoinedCorpus({"x": first, "y": second})
    # shards elsewhere with the same bytes
    tables = tmp_path / "tables"
    tables.mkdir()
    for name, field in (("wav.scp", "path"), ("utt2spk", "speaker"), ("text", "text")):
        rows = (f"{u.id} {getattr(u, field)}\n" for u in first.utterances)
        (tables / name).write_text("".join(rows))
    for copy in ("one", "two"):
        shard_corpus(tables, tmp_path / copy, shard_size=5)
    with pytest.raises(DataError, match="every recording in one corpus"):
        JoinedCorpus({name: open_corpus(tmp_path / name) for name in ("one", "two")})


def test_weights_count_visits(joined: JoinedCorpus) -> None:
    assert joined.epoch_size == 24 + 50
    visits: Counter[int] = Counter()
    for epoch in range(4):
        visited = joined.visited(9, epoch)
        assert names(joined, visited) == {"b": 24, "a-c": 50}
        of_b = [u for u in visited if joined.utterances[u].id.startswith("b/")]
        assert len(set(of_b)) == 24
        visits.update(visited.tolist())
    # ten epochs' worth in four: none more often than another
    assert {visits[u] for u in range(20)} == {10} and {visits[u] for u in range(20, 44)} == {4}
    again = joined.visited(9, 2)
    assert np.array_equal(again, joined.visited(9, 2))
    assert not np.array_equal(again, joined.visited(9, 3))
    assert not np.array_equal(again, joined.visited(8, 2))


@pytest.mark.parametrize("weight, each", [(0.25, 5), (0.01, 1)])
def test_a_part_of_a_corpus_is_another_one_in_each_epoch(
    slice_of: Slice, weight: float, each: int
) -> None:
    corpus = JoinedCorpus({"b": slice_of(0, 6), "a": slice_of(6, 11)}, {"a": weight})
    seen: list[int] = []
    for epoch in range(20 // each):
        visited = corpus.visited(1, epoch)
        assert names(corpus, visited) == {"b": 24, "a": each}
        seen += [u for u in visited if u < 20]
    assert sorted(seen) == list(range(20))


def test_scenes_are_of_all_corpora(joined: JoinedCorpus) -> None:
    scenes = plans(joined)
    targets = [s.sources[0].segment.utterance for s in scenes]
    assert names(joined, np.array(targets)) == {"b": 48, "a-c": 100}
    assert len(spoken(scenes)[0]) == 44
    mixed = [{x.segment.utterance < 20 for x in s.sources} for s in scenes]
    assert {True, False} in mixed
    assert RICH.speaker_count(joined) == 33


def test_a_stream_of_one_corpus_has_the_classes_of_the_whole(joined: JoinedCorpus) -> None:
    part = joined.only(["b"])
    scenes = plans(part)
    utterances, classes = spoken(scenes)
    assert utterances == set(range(20, 44))
    assert classes == {c for c in range(33) if c % 11 >= 5}
    assert RICH.epoch_length(part) == 24 and part.speakers == joined.speakers
    assert part.where == joined.parts[1].where
    # the whole is as it was
    assert len(joined.scene_utterances) == 44 and len(joined.scene_speakers) == 11
    with pytest.raises(ConfigError, match="found 5 speakers; expected 7"):
        replace(RICH, speakers=6).check(joined.only(["a-c"]))


def test_members_and_subsets(joined: JoinedCorpus, slice_of: Slice) -> None:
    assert [part.name for part in joined.parts] == ["a-c", "b"]
    for part, own in zip(joined.parts, (slice_of(6, 11), slice_of(0, 6)), strict=True):
        member = joined.member(part)
        assert member.utterances == own.utterances and member.where == own.where
    subset = joined.subset(["b"])
    assert len(subset) == 24 and subset.utterances[0].id.startswith("b/")


def mixture(batch: SceneBatch) -> Tensor:
    assert batch.mixture is not None
    return batch.mixture


def test_batches_of_any_store_and_number_of_workers_and_ranks(
    joined: JoinedCorpus, tmp_path: Path
) -> None:
    stores = [PackedStore(joined.member(part), RICH.speeds, tmp_path) for part in joined.parts]
    packed = JoinedStore(stores, [part.start for part in joined.parts])
    expected = [SceneStream(joined, packed, RICH, 4, 3)[step] for step in range(20)]
    for workers in (0, 2):
        found = SceneStream(joined, packed, RICH, 4, 3).batches(17, workers)
        for batch, known in zip(found, expected[17:], strict=False):
            assert torch.equal(mixture(batch), mixture(known))
            assert batch.scene_ids == known.scene_ids
    ranks = [SceneStream(joined, packed, RICH, 4, 3, rank, 2)[5] for rank in range(2)]
    assert torch.equal(torch.cat([mixture(r) for r in ranks]), mixture(expected[5]))
    from_files = SceneStream(joined, FileStore(joined), RICH, 4, 3)[5]
    assert (mixture(from_files) - mixture(expected[5])).abs().max() < 1e-3
    # the packed files are those of the corpora alone
    files = sorted(path.name for path in tmp_path.iterdir())
    PackedStore(joined.member(joined.parts[0]), RICH.speeds, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == files and len(files) == 2


def test_bad_recordings_count_by_the_corpora_of_the_stream(slice_of: Slice, tmp_path: Path) -> None:
    good, bad = slice_of(0, 6), slice_of(6, 11)
    broken = [
        replace(u, path=str(tmp_path / f"{n}.wav"), samples=0 if n < 5 else u.samples)
        for n, u in enumerate(bad.utterances)
    ]
    both = JoinedCorpus({"good": good, "bad": Corpus(broken, "there")})
    stream = SceneStream(both.only(["good"]), FileStore(both), RICH, 4, 3)
    assert not stream.skipped
    with pytest.raises(DataError, match="there: found 5 of 20 recordings"):
        SceneStream(both.only(["bad"]), FileStore(both), RICH, 4, 3)
    skipped = SceneStream(both, FileStore(both), RICH, 4, 3).skipped
    assert len(skipped) == 5 and all(name.startswith("bad/") for name in skipped)


def test_a_corpus_without_phones_beside_an_aligned_one(aligned: Path, slice_of: Slice) -> None:
    known = open_corpus(aligned)
    both = JoinedCorpus({"timed": known, "plain": slice_of(12, 16)})
    assert both.phones == known.phones
    fields = FIELDS & {"enrollment_phones", "source_phones_known", "source_phones", "speaker"}
    planner = ScenePlanner(delay=(0.2, 0.8), enrollment=1.0)
    found = {}
    for name in ("timed", "plain"):
        stream = SceneStream(both.only([name]), FileStore(both), planner, 8, 3, fields=fields)
        batch = stream[0]
        assert batch.enrollment_phones is not None and batch.source_phones_known is not None
        timed = bool((batch.enrollment_phones >= 0).any())
        found[name] = timed, bool(batch.source_phones_known.any())
    assert found == {"timed": (True, True), "plain": (False, False)}


def test_other_phones_are_refused() -> None:
    def corpus(name: str, phones: tuple[str, ...]) -> Corpus:
        return Corpus([Utterance(f"{name}1", f"{name}.wav", name)], f"data/{name}", phones)

    with pytest.raises(DataError, match=r"data/b: found other phones \(AH, Z\); expected .*data/a"):
        JoinedCorpus({"a": corpus("a", ("SIL", "AH")), "b": corpus("b", ("SIL", "Z"))})
