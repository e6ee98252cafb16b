"""`joint voice` by the shipped density, and the voice in `joint synthesize` and `joint convert`."""

import os
from pathlib import Path

import numpy as np
import pytest
from support import Command, Refused

from joint.audio import read_audio
from joint.encoders.identity import EncoderIdentity
from tasks.verification.stored import read_voice, write_embeddings

pytestmark = pytest.mark.usefixtures("loaded_once")


def test_a_voice_is_drawn_by_its_seed(joint_command: Command, tmp_path: Path) -> None:
    command = ("voice", "a young woman, low voice, fast", "--output")
    one, two, other = (tmp_path / f"{name}.npz" for name in ("one", "two", "other"))
    made = joint_command(*command, one, "--seed", 4)
    assert made.code == 0 and made.err == []
    assert made.out == f"{one}: 1 of gender f, age adult, pitch low, rate fast\n"
    assert joint_command(*command, two, "--seed", 4).code == 0
    assert joint_command(*command, other, "--seed", 5, "--count", 2).code == 0
    np.testing.assert_array_equal(read_voice(one), read_voice(two))
    with np.load(other) as archive:
        assert archive.files == ["voice-0001", "voice-0002"]
        assert np.abs(archive["voice-0001"] - archive["voice-0002"]).max() > 0
        assert np.abs(archive["voice-0001"] - read_voice(one)).max() > 0


def test_a_bad_description_is_refused(refused: Refused, tmp_path: Path) -> None:
    output = ("--output", tmp_path / "v.npz")
    line = refused("voice", "a husky woman", *output)
    assert "the unknown word husky" in line and "woman, lady, man" in line and "mandarin" in line
    assert "one gender" in refused("voice", "a woman, a man", *output)
    assert "--seed" in refused("voice", "a man", "--seed", -1, *output)
    assert os.listdir(tmp_path) == []


def test_a_bad_density_is_refused(
    refused: Refused, tiny_checkpoint: Path, recordings: list[Path], tmp_path: Path
) -> None:
    command = ("voice", "a man", "--output", tmp_path / "v.npz")
    line = refused(*command, "--density", recordings[0])
    assert str(recordings[0]) in line and "recipes.generation.fit" in line
    # a checkpoint of another encoder: nothing beside it, and the shipped density does not fit
    assert "voices.safetensors: found no file" in refused(*command, "--checkpoint", tiny_checkpoint)
    from joint.app.checkpoints import SHIPPED, checkpoint_file

    shipped = checkpoint_file(SHIPPED).with_name("voices.safetensors")
    line = refused(*command, "--checkpoint", tiny_checkpoint, "--density", shipped)
    assert f"a density of the embeddings of {SHIPPED}" in line
    assert os.listdir(tmp_path) == []


def test_a_voice_speaks(
    joint_command: Command,
    refused: Refused,
    speaking_checkpoint: Path,
    recordings: list[Path],
    tmp_path: Path,
) -> None:
    """Embeddings of any file of `joint embed` are voices too."""
    voices = tmp_path / "v.npz"
    model = ("--checkpoint", speaking_checkpoint)
    assert joint_command("embed", *recordings[1:3], "--output", voices, *model).code == 0
    speech, again, converted = (tmp_path / f"{n}.wav" for n in ("speech", "again", "converted"))
    say = ("synthesize", "How are you?", *model, "--voice", voices)
    assert joint_command(*say, "--name", recordings[1].stem, "--output", speech).code == 0
    assert joint_command(*say, "--name", recordings[2].stem, "--output", again).code == 0
    assert not np.array_equal(read_audio(speech), read_audio(again))
    change = ("convert", recordings[0], *model, "--voice", voices, "--name", recordings[2].stem)
    assert joint_command(*change, "--output", converted).code == 0
    assert len(read_audio(converted)) == len(read_audio(recordings[0]))
    assert "2 embeddings" in refused(*say, "--output", again)
    assert "no embedding called Eva" in refused(*say, "--name", "Eva", "--output", again)
    both = refused(*say, "--enrollment", recordings[0], "--output", again)
    assert "--enrollment and --voice" in both and "a recording, a voice, or" in both
    text = refused("synthesize", "So?", *model, "--voice", recordings[0], "--output", again)
    assert "joint voice" in text


def test_a_voice_of_another_encoder_is_refused(
    refused: Refused, speaking_checkpoint: Path, tmp_path: Path
) -> None:
    path, output = tmp_path / "v.npz", ("--output", tmp_path / "speech.wav")
    say = ("synthesize", "So?", "--checkpoint", speaking_checkpoint, "--voice", path, *output)
    other = EncoderIdentity("another", "1" * 64)
    write_embeddings(path, ["voice"], np.ones((1, 32), np.float32), other)
    assert "embeddings of encoder another (111111111111)" in refused(*say)
    write_embeddings(path, ["voice"], np.ones((1, 7), np.float32))
    assert "a kept embedding of shape (7,)" in refused(*say)
    write_embeddings(path, ["voice"], np.full((1, 32), np.nan, np.float32))
    assert "finite numbers" in refused(*say)
