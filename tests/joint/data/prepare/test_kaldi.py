"""Kaldi folders: what the tables say, what is refused, and what a preparation leaves behind."""

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from lhotse import RecordingSet, SupervisionSet

from joint.data.prepare.kaldi import KaldiFolder, prepare_kaldi, read_table, read_wav_scp
from joint.errors import DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two speakers with two recordings each; the paths are relative to the corpus root."""
    folder = tmp_path / "corpus" / "data"
    (folder.parent / "audio").mkdir(parents=True)
    folder.mkdir()
    noise = np.random.default_rng(0).normal(0, 0.1, 16_000)
    for name in ("a-1", "a-2", "b-1", "b-2"):
        soundfile.write(folder.parent / "audio" / f"{name}.wav", noise, 16_000)
    tables = {
        "wav.scp": "a-1 audio/a-1.wav\na-2\taudio/a-2.wav\n\n"
        "b-1 audio/b-1.wav\nb-2 audio/b-2.wav\n",
        "text": "a-1 HELLO  YOU\na-2\nb-1 ONE\nb-2 TWO\n",
        "utt2spk": "a-1 a\na-2 a\nb-1 b\nb-2 b\n",
    }
    for name, content in tables.items():
        (folder / name).write_text(content)
    return folder


def test_tables_become_utterances(folder: Path) -> None:
    (folder / "spk2gender").write_text("a f\nb male\n")
    (folder / "spk2age").write_text("a 15\nb 16\n")
    utterances = KaldiFolder.load(folder).utterances
    assert list(utterances) == ["a-1", "a-2", "b-1", "b-2"]
    first, last = utterances["a-1"], utterances["b-2"]
    assert first.path == folder.parent / "audio" / "a-1.wav" and first.path.is_absolute()
    assert (first.speaker, first.gender, first.age, first.age_group) == ("a", "f", 15, "child")
    assert (last.speaker, last.gender, last.age, last.age_group) == ("b", "m", 16, "adult")
    assert first.text == "HELLO  YOU" and utterances["a-2"].text == ""


def test_gender_and_age_are_optional(folder: Path) -> None:
    utterance = KaldiFolder.load(folder).utterances["a-1"]
    assert utterance.gender is None and utterance.age is None and utterance.age_group is None


def test_path_beside_the_table_and_other_extension(folder: Path) -> None:
    (folder / "here.flac").write_bytes(b"x")
    (folder / "wav.scp").write_text("a here.WAV\nb audio/b-1.ogg\nc audio/nowhere.wav\n")
    paths = read_wav_scp(folder / "wav.scp")
    assert paths["a"] == folder / "here.flac"
    assert paths["b"] == folder.parent / "audio" / "b-1.wav"
    assert not paths["c"].exists()


@pytest.mark.parametrize(
    ("table", "content", "said"),
    [
        ("wav.scp", "", "empty table"),
        ("wav.scp", "a-1 x.wav\na-1 y.wav\n", "wav.scp:2.*second time"),
        ("wav.scp", "a-1\n", "no path"),
        ("wav.scp", "a-1 sox x.wav -t wav - |\n", "sox"),
        ("utt2spk", "a-1 a\n", r"utt2spk.*no line for a-2 \(3 missing\)"),
        ("utt2spk", "a-1\na-2 a\nb-1 b\nb-2 b\n", "no speaker for a-1"),
        ("text", "a-1 ONE\n", "text.*no line"),
        ("spk2gender", "a maybe\nb m\n", "maybe"),
        ("spk2age", "a six\nb 7\n", "six"),
        ("segments", "a-1 rec 0 1\n", "segments"),
    ],
)
def test_tables_that_do_not_agree_are_refused(
    folder: Path, table: str, content: str, said: str
) -> None:
    (folder / table).write_text(content)
    with pytest.raises(DataError) as refused:
        KaldiFolder.load(folder)
    assert re.search(said, str(refused.value)) and "\n" not in str(refused.value)


def test_missing_and_binary_tables_are_refused(folder: Path) -> None:
    (folder / "text").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(DataError, match="UTF-8"):
        read_table(folder / "text")
    (folder / "text").unlink()
    (folder / "utt2spk").unlink()
    with pytest.raises(DataError, match="no text, utt2spk"):
        KaldiFolder.load(folder)


def test_prepare_writes_manifests_and_lists_what_it_skips(folder: Path, tmp_path: Path) -> None:
    (folder.parent / "audio" / "a-2.wav").write_bytes(b"")
    (folder / "trials").write_text("1 b-1 b-2\n")
    report = prepare_kaldi(folder, tmp_path / "out")
    assert report.utterances == {"data": 3} and report.speakers == {"data": 2}
    assert [s.utterance for s in report.skipped] == ["a-2"]
    assert "a-2.wav: found an empty file" in (tmp_path / "out" / "skipped.tsv").read_text()
    recordings = list(RecordingSet.from_file(tmp_path / "out" / "recordings.jsonl.gz"))
    supervisions = SupervisionSet.from_file(tmp_path / "out" / "supervisions.jsonl.gz")
    assert [r.id for r in recordings] == [s.recording_id for s in supervisions]
    assert recordings[0].load_audio().shape == (1, 16_000)
    assert {s.speaker for s in supervisions} == {"a", "b"}
    assert list(KaldiFolder.load(tmp_path / "out").utterances) == ["a-1", "b-1", "b-2"]
    assert (tmp_path / "out" / "trials").is_file()


def test_stereo_recording_keeps_its_channels(folder: Path, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, (48_000, 2))
    soundfile.write(folder.parent / "audio" / "a-1.wav", noise, 48_000)
    prepare_kaldi(folder, tmp_path / "out")
    recording = next(iter(RecordingSet.from_file(tmp_path / "out" / "recordings.jsonl.gz")))
    assert (recording.num_channels, recording.sampling_rate, recording.duration) == (2, 48_000, 1)


def test_nothing_is_left_when_no_recording_is_usable(folder: Path, tmp_path: Path) -> None:
    for path in (folder.parent / "audio").iterdir():
        path.write_bytes(b"junk")
    with pytest.raises(DataError, match="no usable recording"):
        prepare_kaldi(folder, tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["corpus"]


def test_only_an_earlier_preparation_is_replaced(folder: Path, tmp_path: Path) -> None:
    prepare_kaldi(folder, tmp_path / "out")
    prepare_kaldi(folder, tmp_path / "out")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("ten years of work")
    with pytest.raises(DataError, match="other content"):
        prepare_kaldi(folder, tmp_path / "thesis")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["corpus", "out", "thesis"]
