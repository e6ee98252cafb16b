"""Sharded corpora: from a folder and from a server they give the scenes of the prepared one."""

import hashlib
import json
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from lhotse import CutSet, RecordingSet, SupervisionSet
from support import TINY

from joint.audio import read_audio
from joint.data.choices import Encoding
from joint.data.corpus import RECORDINGS, SUPERVISIONS, Corpus
from joint.data.opening import open_corpus
from joint.data.scenes.planning import ScenePlanner
from joint.data.scenes.stream import SceneStream
from joint.data.storage import remote
from joint.data.storage.remote import fetch
from joint.data.storage.shar import INDEX, SHARDS
from joint.data.storage.sharding import shard_corpus
from joint.data.storage.store import FileStore, PackedStore
from joint.errors import DataError
from joint.training.run import train

PLANNER = ScenePlanner(
    enrollments=2, chunk=1.0, enrollment=1.0, noise_probability=0.5, speeds=(1.0, 0.9)
)


class Handler(SimpleHTTPRequestHandler):
    """Files of a folder, with ranges; of a shard `cut_off` bytes are sent, `cuts` times."""

    def do_GET(self) -> None:
        """Send a file, or as much of it as the server lives to send."""
        server = self.server
        path = Path(self.translate_path(self.path))
        server.asked.append((path.name, self.headers.get("Range")))
        if not path.is_file():
            self.send_error(404)
            return
        content = path.read_bytes()
        start = 0
        if server.ranges and (wanted := self.headers.get("Range")):
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        content = content[start:]
        if path.suffix == ".tar" and server.cuts > 0:
            server.cuts -= 1
            content = content[: server.cut_off]
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing."""


class Server(ThreadingHTTPServer):
    """What a test changes of a server, and what was asked of it."""

    cut_off, cuts, ranges = 0, 0, True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
        self.asked: list[tuple[str, str | None]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=partial(self.serve_forever, 0.02), daemon=True).start()

    def stop(self) -> None:
        """As if the machine were gone."""
        self.shutdown()
        self.server_close()


@pytest.fixture(scope="module")
def sharded(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded corpus's training split in shards of 150, in a server's folder."""
    folder = tmp_path_factory.mktemp("server") / "train"
    assert shard_corpus(prepared / "train", folder, 150) == (396, 3)
    return folder


@pytest.fixture(scope="module")
def few(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six utterances of the test split, prepared."""
    folder = tmp_path_factory.mktemp("few")
    for name, kind in ((RECORDINGS, RecordingSet), (SUPERVISIONS, SupervisionSet)):
        kind.from_file(prepared / "test" / name).subset(first=6).to_file(folder / name)
    return folder


@pytest.fixture
def server(sharded: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(remote, "PAUSES", (0.0, 0.0))
    server = Server(sharded.parent)
    yield server
    server.stop()


def scenes(corpus: Corpus, steps: int = 3) -> Iterator[torch.Tensor]:
    stream = SceneStream(corpus, FileStore(corpus), PLANNER, 4, seed=5)
    for step in range(steps):
        yield from (stream[step].mixture, stream[step].enrollment)


def same_scenes(one: Corpus, other: Corpus) -> bool:
    return all(torch.equal(a, b) for a, b in zip(scenes(one), scenes(other), strict=True))


def tars(cache: Path) -> list[Path]:
    return sorted(cache.rglob("*.tar"))


class TestFolder:
    def test_it_is_lhotse_shar(self, prepared: Path, sharded: Path) -> None:
        original = {u.id: u for u in open_corpus(prepared / "train").utterances}
        cuts = list(CutSet.from_shar(in_dir=sharded / "shar"))
        assert [c.id for c in cuts] == sorted(original)
        for cut in cuts[::60]:
            (segment,) = cut.supervisions
            entry = original[cut.id]
            assert (segment.speaker, segment.text, segment.gender) == (
                entry.speaker,
                entry.text,
                entry.gender,
            )
            np.testing.assert_array_equal(cut.load_audio()[0], read_audio(entry.path))

    def test_the_same_scenes(self, prepared: Path, sharded: Path, tmp_path: Path) -> None:
        corpus = open_corpus(sharded, tmp_path)
        assert same_scenes(corpus, open_corpus(prepared / "train", tmp_path))
        assert list(tmp_path.iterdir()) == []
        few = Corpus(corpus.utterances[::100], "few")
        packed = PackedStore(few, (1.0, 0.9), tmp_path / "packed")
        read = packed.read(1, 0.9, 100, 5000)
        assert np.abs(read - FileStore(few).read(1, 0.9, 100, 5000)).max() <= 1 / 32768

    @pytest.mark.parametrize("encoding, error", [(Encoding.FLAC, 2e-3), (Encoding.OPUS, 0.3)])
    def test_encodings(self, few: Path, tmp_path: Path, encoding: Encoding, error: float) -> None:
        assert shard_corpus(few, tmp_path / "out", 4, encoding) == (6, 2)
        corpus = open_corpus(tmp_path / "out", tmp_path)
        for one, other in zip(corpus.utterances, open_corpus(few).utterances, strict=True):
            assert one.id == other.id and one.speaker == other.speaker
            assert one.samples == len(one.waveform()) and abs(one.samples - other.samples) <= 1
            length = min(one.samples, other.samples)
            heard, said = one.waveform()[:length], other.waveform()[:length]
            assert np.sqrt(np.mean((heard - said) ** 2) / np.mean(said**2)) < error

    def test_what_is_wrong(self, sharded: Path, few: Path, tmp_path: Path) -> None:
        folder = shutil.copytree(sharded, tmp_path / "copy")
        shard = folder / "shar" / "recording.000001.tar"
        shard.write_bytes(shard.read_bytes()[:4000])
        with pytest.raises(DataError, match=r"recording\.000001\.tar.*ends early"):
            open_corpus(folder, tmp_path).utterances[160].waveform()
        (folder / INDEX).write_bytes(b"words")
        with pytest.raises(DataError, match="unreadable index"):
            open_corpus(folder, tmp_path)
        for content in ("[]", "{}", "words", '{"format": 1, "shards": [1], "files": {}}'):
            (folder / SHARDS).write_text(content)
            with pytest.raises(DataError, match="joint shard"):
                open_corpus(folder, tmp_path)
        (folder / SHARDS).write_text('{"format": 2}')
        with pytest.raises(DataError, match="format 2"):
            open_corpus(folder, tmp_path)
        with pytest.raises(DataError, match="other content"):
            shard_corpus(few, folder, 10)


class TestServer:
    def test_the_same_scenes_and_none_fetched_twice(
        self, prepared: Path, server: Server, tmp_path: Path
    ) -> None:
        corpus = open_corpus(f"{server.url}/train/", tmp_path)
        assert tars(tmp_path) == [] and len(corpus) == 396
        assert same_scenes(corpus, open_corpus(prepared / "train"))
        assert len(tars(tmp_path)) == 3
        assert sorted(name for name, _ in server.asked) == [
            "index.jsonl.gz",
            *(f"recording.{n:06d}.tar" for n in range(3)),
            "shards.json",
        ]
        assert not list(tmp_path.rglob(".*"))

    def test_the_same_training(self, prepared: Path, server: Server, tmp_path: Path) -> None:
        losses = []
        for name, where in (("url", f"{server.url}/train"), ("folder", prepared / "train")):
            output = tmp_path / name
            options = [f"data.train={where}", f"data.shards={tmp_path / 'shards'}"]
            train(TINY, [*options, f"output={output}", "trainer.max_steps=2"])
            lines = (output / "metrics.jsonl").read_text().splitlines()
            losses.append([json.loads(line)["loss"] for line in lines])
        assert losses[0] == losses[1] and len(losses[0]) == 2

    def test_a_shard_is_fetched_when_first_read(self, server: Server, tmp_path: Path) -> None:
        corpus = open_corpus(f"{server.url}/train", tmp_path)
        corpus.utterances[200].waveform()
        assert [p.name.partition("-")[2] for p in tars(tmp_path)] == ["recording.000001.tar"]

    def test_the_cache_alone(
        self, server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        url = f"{server.url}/train"
        before = list(scenes(open_corpus(url, tmp_path)))
        server.stop()
        after = scenes(open_corpus(url, tmp_path))
        assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
        assert url in caplog.text
        with pytest.raises(DataError, match=f"{url}/shards.json: found connection refused"):
            open_corpus(url, tmp_path / "another")

    @pytest.mark.parametrize("ranges", [True, False])
    def test_a_broken_transfer_is_gone_on_with(
        self, server: Server, tmp_path: Path, ranges: bool
    ) -> None:
        server.cuts, server.cut_off, server.ranges = 2, 50_000, ranges
        corpus = open_corpus(f"{server.url}/train", tmp_path)
        corpus.utterances[0].waveform()
        (shard,) = tars(tmp_path)
        wanted = corpus.utterances[0].stored.shard.sha256
        assert hashlib.sha256(shard.read_bytes()).hexdigest() == wanted
        wanted = [r for name, r in server.asked if name.endswith(".tar")]
        assert wanted == [None, "bytes=50000-", "bytes=100000-" if ranges else "bytes=50000-"]

    def test_a_server_that_dies_leaves_nothing_half_written(
        self, server: Server, tmp_path: Path
    ) -> None:
        corpus = open_corpus(f"{server.url}/train", tmp_path)
        before = sorted(tmp_path.rglob("*"))
        server.cuts, server.cut_off = 99, 1000
        url = f"{server.url}/train/shar/recording.000000.tar"
        with pytest.raises(DataError, match=rf"{url}: found 3000 of \d+ bytes"):
            corpus.utterances[0].waveform()
        assert sorted(tmp_path.rglob("*")) == before
        server.cuts = 0
        corpus.utterances[0].waveform()

    def test_another_file_and_none(self, server: Server, sharded: Path, tmp_path: Path) -> None:
        shard = open_corpus(f"{server.url}/train", tmp_path).utterances[0].stored.shard
        with pytest.raises(DataError, match="SHA-256"):
            fetch(shard.url, shard.path, shard.size, "0" * 64)
        with pytest.raises(DataError, match=f"more than {shard.size - 1} bytes"):
            fetch(shard.url, shard.path, shard.size - 1, shard.sha256)
        with pytest.raises(DataError, match="HTTP status 404"):
            fetch(f"{shard.url}.gone", shard.path, shard.size, shard.sha256)
        assert tars(tmp_path) == []
        (sharded.parent / "evil").mkdir(exist_ok=True)
        for field in ("name", "sha256"):
            outside = json.loads((sharded / SHARDS).read_text())
            outside["shards"][0][field] = "../../recording.tar"
            (sharded.parent / "evil" / SHARDS).write_text(json.dumps(outside))
            with pytest.raises(DataError, match="joint shard"):
                open_corpus(f"{server.url}/evil", tmp_path)
        (tmp_path / "file").touch()
        with pytest.raises(DataError, match="file"):
            open_corpus(f"{server.url}/train", tmp_path / "file")

    def test_many_threads_fetch_once(self, server: Server, tmp_path: Path) -> None:
        entry = open_corpus(f"{server.url}/train", tmp_path).utterances[0]
        threads = [threading.Thread(target=entry.waveform) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [name for name, _ in server.asked].count("recording.000000.tar") == 1

    def test_workers_report_a_lost_server(self, server: Server, tmp_path: Path) -> None:
        corpus = open_corpus(f"{server.url}/train", tmp_path)
        server.stop()
        stream = SceneStream(corpus, FileStore(corpus), PLANNER, 2, seed=5)
        with pytest.raises(DataError, match=r"recording\.\d+\.tar: found 0 of \d+ bytes"):
            next(stream.batches(0, workers=1))


@pytest.mark.parametrize("encoding", [Encoding.ORIGINAL, Encoding.FLAC])
def test_bad_recordings_are_left_out(
    few: Path, tmp_path: Path, encoding: Encoding, caplog: pytest.LogCaptureFixture
) -> None:
    folder = shutil.copytree(few, tmp_path / "few")
    recordings = RecordingSet.from_file(folder / RECORDINGS).to_eager()
    recordings[3].sources[0].source = "/nowhere.wav"
    recordings.to_file(folder / RECORDINGS)
    whole, bad = open_corpus(few), recordings[3].id
    count, _ = shard_corpus(folder, tmp_path / "out", 10, encoding)
    assert count == len(whole) - 1
    assert f"skipped {bad}: /nowhere.wav: found no such file" in caplog.text
    assert f"few\t{bad}\t/nowhere.wav" in (tmp_path / "out" / "skipped.tsv").read_text()
    sharded = open_corpus(tmp_path / "out")
    assert [u.id for u in sharded.utterances] == [u.id for u in whole.utterances if u.id != bad]
    for utterance in sharded.utterances[::4]:
        expected = whole.by_id[utterance.id].waveform()
        assert np.abs(utterance.waveform() - expected).max() <= 1 / 32768
