"""Stores: the packed file holds what the files hold."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from joint.data.corpus import Corpus
from joint.data.storage.store import FileStore, PackedStore, at_speed
from joint.errors import AudioError, DataError, JointError


@pytest.mark.parametrize("speed", [1.0, 0.9, 1.1])
def test_packed_equals_files(corpus: Corpus, store: PackedStore, speed: float) -> None:
    files = FileStore(corpus)
    for utterance in range(0, len(corpus), 5):
        length = corpus.utterances[utterance].length(speed)
        for start, wanted in ((0, length), (length // 3, 5000), (length - 7, 7)):
            packed = store.read(utterance, speed, start, wanted)
            read = files.read(utterance, speed, start, wanted)
            assert packed.dtype == read.dtype == np.float32 and len(packed) == len(read) == wanted
            assert np.abs(packed - read).max() <= 1 / 32768


def test_speed_changes_pitch_and_length() -> None:
    tone = np.sin(2 * np.pi * 500 * np.arange(32_000) / 16_000).astype(np.float32)
    for speed in (0.9, 1.1):
        changed = at_speed(tone, speed, int(32_000 / speed))
        assert len(changed) == int(32_000 / speed)
        peak = np.abs(np.fft.rfft(changed * np.hanning(len(changed)))).argmax()
        assert peak * 16_000 / len(changed) == pytest.approx(500 * speed, abs=1)


class TestPacking:
    """When the file is made."""

    @pytest.fixture
    def few(self, corpus: Corpus) -> Corpus:
        return Corpus(corpus.utterances[:3], "few")

    def test_once(self, few: Corpus, tmp_path: Path) -> None:
        first = PackedStore(few, (1.0,), tmp_path)
        os.utime(first.path, (1, 1))
        assert PackedStore(few, (1.0,), tmp_path).path.stat().st_mtime == 1
        assert os.listdir(tmp_path) == [first.path.name]

    def test_again_where_it_was_cut_off(self, few: Corpus, tmp_path: Path) -> None:
        first = PackedStore(few, (1.0,), tmp_path)
        whole = first.path.read_bytes()
        first.path.write_bytes(whole[:-2])
        assert PackedStore(few, (1.0,), tmp_path).path.read_bytes() == whole

    def test_apart_for_another_corpus_or_speed(self, few: Corpus, tmp_path: Path) -> None:
        other = Corpus(few.utterances[:2], "fewer")
        stores = [PackedStore(few, (1.0,), tmp_path), PackedStore(few, (1.0, 0.9), tmp_path)]
        assert len({s.path for s in (*stores, PackedStore(other, (1.0,), tmp_path))}) == 3

    def test_a_bad_recording_is_listed(self, few: Corpus, tmp_path: Path) -> None:
        bad = tmp_path / "bad.wav"
        bad.write_bytes(b"RIFF")
        worse = Corpus([*few.utterances, replace(few.utterances[0], id="x", path=str(bad))], "bad")
        for _ in "packed", "opened":
            store = PackedStore(worse, (1.0, 0.9), tmp_path / "cache")
            with pytest.raises(AudioError, match=f"{bad}: found an undecodable file"):
                store.read(3, 0.9, 0, 100)
            alone = PackedStore(few, (1.0, 0.9), tmp_path / "other").read(2, 0.9, 7, 100)
            assert np.array_equal(store.read(2, 0.9, 7, 100), alone)
        assert len(os.listdir(tmp_path / "cache")) == 2
        alone = Corpus([replace(few.utterances[0], path=str(bad))], "alone")
        with pytest.raises(DataError, match=f"alone: found no readable recording.*{bad}"):
            PackedStore(alone, (1.0,), tmp_path / "empty")
        assert os.listdir(tmp_path / "empty") == []

    def test_no_folder_to_write_in(self, few: Corpus, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(JointError, match="file"):
            PackedStore(few, (1.0,), tmp_path / "file" / "cache")

    def test_a_speed_that_was_not_packed(self, few: Corpus, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="not in"):
            PackedStore(few, (1.0,), tmp_path).read(0, 0.5, 0, 100)
