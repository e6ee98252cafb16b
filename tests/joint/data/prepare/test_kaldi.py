"""Kaldi folders: what the tables say, what is refused, and what a preparation leaves behind."""

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from lhotse import RecordingSet, SupervisionSet

from joint.data.opening import open_corpus
from joint.data.prepare.kaldi import prepare_kaldi
from joint.data.prepare.tables import read_table, read_tables, read_wav_scp
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
    utterances = open_corpus(folder).by_id
    assert list(utterances) == ["a-1", "a-2", "b-1", "b-2"]
    first, last = utterances["a-1"], utterances["b-2"]
    assert first.path == str(folder.parent / "audio" / "a-1.wav")
    assert (first.speaker, first.gender, first.age, first.age_group) == ("a", "f", 15, "child")
    assert (last.speaker, last.gender, last.age, last.age_group) == ("b", "m", 16, "adult")
    assert first.text == "HELLO  YOU" and utterances["a-2"].text == ""


def test_gender_and_age_are_optional(folder: Path) -> None:
    utterance = open_corpus(folder).by_id["a-1"]
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
        ("text", "a-1 X\na-2\n\nb-1 Y\nb-2 Z\nb-3 W\n", r"text:6: found 'b-3', which no other"),
        ("utt2spk", "a-1 a\na-2 a\nc-1 c\nb-1 b\nb-2 b\n", "utt2spk:3: found 'c-1'"),
        ("spk2gender", "a f\nb m\nd m\n", "spk2gender:3: found 'd'"),
        ("text", "a-1 ONE\x0cTWO\na-2 \u2028\nb-1\x85\nb-1 X\nb-2\n", "text:3: found 'b-1"),
    ],
)
def test_tables_that_do_not_agree_are_refused(
    folder: Path, table: str, content: str, said: str
) -> None:
    (folder / table).write_text(content)
    with pytest.raises(DataError) as refused:
        open_corpus(folder)
    assert re.search(said, str(refused.value)) and "\n" not in str(refused.value)


@pytest.mark.parametrize("sign", ["\u2028", "\u2029", "\x85", "\x0c", "\x0b", "\x1c"])
def test_a_line_ends_at_its_end_alone(folder: Path, sign: str) -> None:
    text = f"a-1 ONE{sign}TWO THREE\r\na-2\r\nb-1 FOUR\r\nb-2 FIVE{sign}\r\n"
    (folder / "text").write_text(text, encoding="utf-8", newline="")
    texts = [u.text.split() for u in read_tables(folder)]
    assert texts == [["ONE", "TWO", "THREE"], [], ["FOUR"], ["FIVE"]]
    (folder / "text").write_text(text + "a-1 AGAIN\n", encoding="utf-8", newline="")
    with pytest.raises(DataError, match="text:5: found a-1 a second time"):
        read_tables(folder)


@pytest.mark.parametrize("table", ["wav.scp", "text", "utt2spk", "spk2gender", "spk2age"])
def test_a_byte_order_mark_is_no_part_of_an_id(folder: Path, table: str) -> None:
    (folder / "spk2gender").write_text("a f\nb m\n")
    (folder / "spk2age").write_text("a 15\nb 16\n")
    expected = read_tables(folder)
    (folder / table).write_bytes(b"\xef\xbb\xbf" + (folder / table).read_bytes())
    assert read_tables(folder) == expected and expected[0].id == "a-1"


def test_recordings_fewer_than_texts_are_counted(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "wav.scp").write_text("a-1 audio/a-1.wav\nb-1 audio/b-1.wav\n")
    assert [u.id for u in read_tables(folder)] == ["a-1", "b-1"]
    assert "2 utterances of text and utt2spk are not in wav.scp" in caplog.text


def test_missing_and_binary_tables_are_refused(folder: Path) -> None:
    (folder / "text").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(DataError, match="UTF-8"):
        read_table(folder / "text")
    (folder / "text").unlink()
    (folder / "utt2spk").unlink()
    with pytest.raises(DataError, match="no text, utt2spk"):
        open_corpus(folder)


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
    assert list(open_corpus(tmp_path / "out").by_id) == ["a-1", "b-1", "b-2"]
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
