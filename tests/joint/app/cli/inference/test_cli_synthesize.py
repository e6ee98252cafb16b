"""`joint synthesize`: one text, a file of them, standard input; what it refuses."""

import io
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support import Command, Refused

from joint.audio import read_audio
from joint.synthesis.finishing.marking import SYNTHETIC

pytestmark = pytest.mark.usefixtures("loaded_once")

Arguments = tuple[object, ...]


@pytest.fixture
def voice(speaking_checkpoint: Path, recordings: list[Path]) -> Arguments:
    """A checkpoint that speaks, and an enrolment."""
    return ("--checkpoint", speaking_checkpoint, "--enrollment", recordings[0])


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """A file in a folder of its own."""
    return tmp_path / "out" / "speech.wav"


def typed(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_a_text_becomes_a_marked_file(
    joint_command: Command,
    refused: Refused,
    voice: Arguments,
    output: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = "How are you?"
    made = joint_command("synthesize", text, *voice, "--output", output)
    assert (made.code, made.out, made.err) == (0, f"{output}\n", [])
    with soundfile.SoundFile(output) as file:
        assert file.comment == SYNTHETIC and file.samplerate == 16_000
    first = read_audio(output)
    typed(monkeypatch, b"\xef\xbb\xbfHow are you?\n")
    assert joint_command("synthesize", "-", *voice, "--output", output).code == 0
    np.testing.assert_array_equal(read_audio(output), first)
    options = ("--rate", 2, "--pitch", -2, "--energy", -6, "--steps", 1, "--seed", 3)
    more = ("--vocoder", voice[1], "--output", output)
    assert joint_command("synthesize", text, *voice, *options, *more).code == 0
    assert len(read_audio(output)) < 0.7 * len(first)
    assert os.listdir(output.parent) == [output.name]
    assert "-5" in refused("synthesize", "-5 degrees", *voice, "--output", output)
    assert joint_command("synthesize", *voice, "--output", output, "--", "-5 degrees").code == 0


def test_a_file_of_texts_becomes_a_folder(
    joint_command: Command, refused: Refused, voice: Arguments, tmp_path: Path
) -> None:
    texts, folder = tmp_path / "texts.txt", tmp_path / "speech"
    texts.write_text("So?\n\nHow are you?\n")
    command = ("synthesize", *voice, "--text-file", texts, "--output")
    made = joint_command(*command, folder)
    assert made.code == 0 and made.out.split() == [f"{folder}/0001.wav", f"{folder}/0003.wav"]
    assert sorted(os.listdir(folder)) == ["0001.wav", "0003.wav"]
    with soundfile.SoundFile(folder / "0003.wav") as file:
        assert file.comment == SYNTHETIC
    single = joint_command("synthesize", "So?", *voice, "--output", tmp_path / "so.wav")
    assert single.code == 0
    assert (tmp_path / "so.wav").read_bytes() == (folder / "0001.wav").read_bytes()
    texts.write_text("So?\nHow are you?\n。。。\n")
    line = refused(*command, tmp_path / "new")
    assert line.startswith(f"error: {texts}:3: found ")
    texts.write_text("\n \n")
    assert "a text in each line" in refused(*command, tmp_path / "new")
    line = refused("synthesize", *voice, "--text-file", tmp_path / "none", "--output", tmp_path)
    assert line.startswith(f"error: {tmp_path / 'none'}: found ") and line.count("none") == 1
    assert "a folder for the lines" in refused(*command, tmp_path / "new.wav")
    assert sorted(os.listdir(tmp_path)) == ["so.wav", "speech", "texts.txt"]


def test_no_input_is_overwritten(
    refused: Refused, speaking_checkpoint: Path, recordings: list[Path], tmp_path: Path
) -> None:
    own = tmp_path / "0001.wav"
    own.write_bytes(recordings[0].read_bytes())
    (tmp_path / "texts.txt").write_text("So?\n")
    line = refused(
        *("synthesize", "--checkpoint", speaking_checkpoint, "--enrollment", own),
        *("--text-file", tmp_path / "texts.txt", "--output", tmp_path),
    )
    assert line.startswith(f"error: {own}: found an input of this command")
    assert own.read_bytes() == recordings[0].read_bytes()


def test_a_name_in_a_speaker_database(
    joint_command: Command,
    refused: Refused,
    speaking_checkpoint: Path,
    tiny_checkpoint: Path,
    recordings: list[Path],
    tmp_path: Path,
    output: Path,
) -> None:
    database = tmp_path / "database"
    common = ("--database", database, "--checkpoint", speaking_checkpoint)
    assert joint_command("enroll", "Anna", *recordings[:2], *common).code == 0
    command = ("synthesize", "So?", "--output", output)
    assert joint_command(*command, *common, "--name", "Anna").code == 0
    output.unlink()
    assert "expected Anna" in refused(*command, *common, "--name", "Bea")
    assert "1 to 100 characters" in refused(*command, *common, "--name", " ")
    other = (*common[:2], "--checkpoint", tiny_checkpoint)
    assert "embeddings of encoder" in refused(*command, *other, "--name", "Anna")
    missing = ("--database", tmp_path / "none", "--checkpoint", speaking_checkpoint)
    assert f"{tmp_path / 'none'}" in refused(*command, *missing, "--name", "Anna")
    enrollment = ("--enrollment", recordings[0])
    both = (*common, "--name", "Anna", *enrollment)
    for options in (both, common, (*enrollment, "--name", "Anna"), ("--name", "Anna"), ()):
        expected = "a recording, a voice, or a speaker database and a name in it"
        assert expected in refused(*command, *options)
    assert not output.exists()


@pytest.mark.parametrize(
    "text",
    ["", " \n ", "... !?", "word " * 5000, "Доброе утро", "你好", "ring the \a bell", "a\x00b"],
    ids=["empty", "blank", "marks", "long", "cyrillic", "chinese", "control", "null"],
)
def test_texts_that_cannot_be_spoken(
    refused: Refused,
    voice: Arguments,
    output: Path,
    text: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command = (*voice, "--output", output)
    assert len(refused("synthesize", text, *command)) < 500
    typed(monkeypatch, text.encode())
    refused("synthesize", "-", *command)
    assert not output.parent.exists()


def test_standard_input_that_is_no_text(
    refused: Refused, voice: Arguments, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for content, found in ((b"caf\xe9", "not UTF-8"), (b"a " * (1 << 20), "more than")):
        typed(monkeypatch, content)
        assert found in refused("synthesize", "-", *voice, "--output", output)
    monkeypatch.setattr(sys, "stdin", None)
    assert "it is closed" in refused("synthesize", "-", *voice, "--output", output)
    assert not output.parent.exists()


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("--rate", (0.2, 4.1, "nan")),
        ("--pitch", (-25, "inf")),
        ("--energy", (25,)),
        ("--steps", (0, 101)),
        ("--temperature", (-0.1, 2.1)),
        ("--top-p", (0, 1.1)),
        ("--seed", (-1, 2**63)),
        ("--vocoder", ("melgan", "")),
    ],
)
def test_ranges_are_checked_before_anything_is_read(
    refused: Refused, output: Path, option: str, values: tuple[object, ...]
) -> None:
    command = ("synthesize", "So?", "--enrollment", "none.wav", "--output", output)
    for value in values:
        line = refused(*command, "--checkpoint", "none", option, value)
        assert line.startswith(f"error: {option}: found "), line


def test_what_else_is_refused(
    refused: Refused,
    voice: Arguments,
    tiny_checkpoint: Path,
    recordings: list[Path],
    tmp_path: Path,
    output: Path,
) -> None:
    command = ("synthesize", "So?", "--output", output)
    tiny = ("--enrollment", recordings[0], "--checkpoint", tiny_checkpoint)
    line = refused(*command, *tiny)
    assert "found tasks verification, extraction; expected one with a synthesis task" in line
    assert "no such file" in refused(*command, "--enrollment", tmp_path / "none.wav")
    soundfile.write(tmp_path / "short.wav", read_audio(recordings[0])[:8000], 16_000)
    line = refused(*command, *voice[:2], "--enrollment", tmp_path / "short.wav")
    assert "at least 1 s of speech" in line
    both = ("So?", "--text-file", tmp_path / "texts.txt", *voice, "--output", output.parent)
    for options in (both, (*voice, "--output", output)):
        assert "TEXT, --text-file: found" in refused("synthesize", *options)
    for place in (tmp_path, tmp_path / "speech.mp3"):
        refused("synthesize", "So?", *voice, "--output", place)
    assert not output.parent.exists()
