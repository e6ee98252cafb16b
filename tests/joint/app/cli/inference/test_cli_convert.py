"""`joint convert`: a recording in another voice; what it refuses."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from support import Command, Refused

from joint.audio import read_audio
from joint.synthesis.finishing.marking import SYNTHETIC
from tasks.conversion.task import ConversionTask

pytestmark = pytest.mark.usefixtures("loaded_once")


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """A file in a folder of its own."""
    return tmp_path / "out" / "converted.wav"


def test_a_conversion_is_marked_and_as_long_as_the_source(
    joint_command: Command, speaking_checkpoint: Path, recordings: list[Path], output: Path
) -> None:
    common = ("--checkpoint", speaking_checkpoint, "--output", output)
    made = joint_command("convert", recordings[0], "--enrollment", recordings[2], *common)
    assert (made.code, made.out, made.err) == (0, f"{output}\n", [])
    with soundfile.SoundFile(output) as file:
        assert file.comment == SYNTHETIC
        assert file.frames == len(read_audio(recordings[0]))
    first = read_audio(output)
    options = ("--vocoder", "griffin-lim", "--steps", 1, "--temperature", 0.9, "--seed", 4)
    other = ("--enrollment", recordings[2], *options)
    assert joint_command("convert", recordings[0], *other, *common).code == 0
    second = read_audio(output)
    assert second.shape == first.shape and not np.allclose(first, second, atol=1e-3)


def test_pitch_and_rate_follow_curves(
    joint_command: Command,
    refused: Refused,
    speaking_checkpoint: Path,
    recordings: list[Path],
    tmp_path: Path,
    output: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("parselmouth")
    curve = tmp_path / "pitch.txt"
    curve.write_text("0 -3\n1 -3\n1.5 5\n")
    command = ("convert", recordings[0], "--enrollment", recordings[2], "--output", output)
    common = (*command, "--checkpoint", speaking_checkpoint)
    given: list[np.ndarray] = []
    convert = ConversionTask.convert

    def noted(self: ConversionTask, *arguments: Any) -> Any:
        given.append(arguments[-1][0].numpy())
        return convert(self, *arguments)

    monkeypatch.setattr(ConversionTask, "convert", noted)
    assert joint_command(*common, "--pitch", curve, "--rate", 0.5).code == 0
    length = len(read_audio(recordings[0]))
    assert len(read_audio(output)) == pytest.approx(2 * length, rel=0.03)
    [semitones] = (x * 12 / np.log(2) for x in given)
    seconds = np.arange(len(semitones)) * 200 / 16_000 / 2  # of the source
    expected = np.interp(seconds, [1.0, 1.5], [-3.0, 5.0])
    np.testing.assert_allclose(semitones, expected, atol=0.1)
    for option, value, line in (
        ("--pitch", 25, "error: --pitch: found 25; expected -24 to 24 semitones"),
        ("--rate", "fast", "error: --rate: found 'fast'; expected a number, or a file"),
        ("--rate", curve, "error: --rate: found -3; expected 0.25 to 4 times"),
    ):
        assert refused(*common, option, value).startswith(line)


def test_a_voice_in_a_speaker_database(
    joint_command: Command,
    refused: Refused,
    speaking_checkpoint: Path,
    recordings: list[Path],
    tmp_path: Path,
    output: Path,
) -> None:
    database = tmp_path / "database"
    common = ("--database", database, "--checkpoint", speaking_checkpoint)
    assert joint_command("enroll", "Bea", recordings[2], *common).code == 0
    command = ("convert", recordings[0], *common, "--output", output)
    assert joint_command(*command, "--name", "Bea").code == 0 and output.exists()
    assert "expected Bea" in refused(*command, "--name", "Anna")


def test_a_voice_like_the_source_gives_a_warning(
    joint_command: Command,
    speaking_checkpoint: Path,
    recordings: list[Path],
    output: Path,
    models: dict[str, object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command = ("convert", recordings[0], "--enrollment", recordings[1], "--output", output)
    common = (*command, "--checkpoint", speaking_checkpoint)
    assert joint_command(*common).code == 0
    loaded = models[f"{speaking_checkpoint} None"]
    monkeypatch.setitem(loaded.metadata, "threshold", -1.0)  # type: ignore[attr-defined]
    outcome = joint_command(*common)
    assert outcome.code == 0 and len(outcome.err) == 1
    assert outcome.err[0].startswith(f"warning: {recordings[0]}: a voice like the target's (score ")


def test_what_is_refused(
    refused: Refused,
    speaking_checkpoint: Path,
    tiny_checkpoint: Path,
    recordings: list[Path],
    tmp_path: Path,
    output: Path,
) -> None:
    source, target = recordings[0], recordings[2]
    command = ("convert", "--checkpoint", speaking_checkpoint, "--output", output, source)
    copy = tmp_path / "copy.ogg"
    copy.write_bytes(source.read_bytes())
    for same in (source, copy):
        line = refused(*command, "--enrollment", same)
        assert line.startswith(f"error: {same}: found the source of the conversion itself; ")
    noise = tmp_path / "noise.wav"
    soundfile.write(noise, 0.003 * np.random.default_rng(0).standard_normal(48_000), 16_000)
    assert "no speech" in refused(*command, "--enrollment", noise)
    assert "no such file" in refused(*command, "--enrollment", tmp_path / "none.wav")
    assert "a recording, a voice, or" in refused(*command)
    enrolled = ("--enrollment", target, "--output", output)
    assert "no such file" in refused("convert", tmp_path / "none.wav", *enrolled)
    line = refused("convert", source, *enrolled, "--checkpoint", tiny_checkpoint)
    assert "found tasks verification, extraction; expected one with a conversion task" in line
    for option, value in (
        ("--steps", 0),
        ("--temperature", 3),
        ("--seed", -1),
        ("--vocoder", "melgan"),
    ):
        line = refused(*command, "--enrollment", target, option, value)
        assert line.startswith(f"error: {option}: found ")
    for place in (tmp_path, target, tmp_path / "converted.flac"):
        refused("convert", source, "--enrollment", target, "--output", place)
    assert not output.parent.exists()
