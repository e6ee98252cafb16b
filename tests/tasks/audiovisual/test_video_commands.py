"""`joint diarize --video`: real voices, a drawn person on screen while one of them speaks."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from drawn_people import drawn_picture
from PIL import Image
from support import Command, Refused

from joint.audio import write_audio
from joint.conversation.turns import read_turns
from joint.data.opening import open_corpus
from joint.units import SAMPLE_RATE

RATE = 5


@pytest.fixture(scope="module")
def parts(prepared: Path) -> list[np.ndarray]:
    """Two recordings of one speaker, then two of another."""
    corpus = open_corpus(prepared / "test")
    return [
        np.concatenate([corpus.utterances[row].waveform() for row in corpus.of_speaker[who][:2]])
        for who in (0, -1)
    ]


@pytest.fixture(scope="module")
def talk(parts: list[np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of both voices, which shows a person while the second one speaks."""
    pytest.importorskip("av")
    pytest.importorskip("dlib")
    pytest.importorskip("face_recognition_models")
    from tasks.audiovisual.video.writing import write_video

    def pictures() -> Iterator[np.ndarray]:
        person, empty = drawn_picture(1), drawn_picture(0)
        for number in range(RATE * sum(map(len, parts)) // SAMPLE_RATE):
            yield person if number * SAMPLE_RATE >= RATE * len(parts[0]) else empty

    path = tmp_path_factory.mktemp("video") / "talk.mkv"
    write_video(path, pictures(), RATE, np.concatenate(parts))
    return path


def test_who_is_on_screen_while_they_speak(
    joint_command: Command, parts: list[np.ndarray], talk: Path, tmp_path: Path
) -> None:
    output, tracks = tmp_path / "talk.rttm", tmp_path / "talk.json"
    common = ("diarize", talk, "--video", talk, "--output", output, "--speakers", 2)
    outcome = joint_command(*common, "--tracks", tracks)
    assert outcome.code == 0 and not outcome.err, outcome
    _, person, away = outcome.out.splitlines()
    assert (
        person.startswith("person1: speaker2 (by activity, 0.") and away == "off-screen: speaker1"
    )
    found = json.loads(tracks.read_text())
    (own,) = found["people"]
    (track,) = own["tracks"]
    cut = len(parts[0]) / SAMPLE_RATE
    assert track["seconds"][0] == pytest.approx(cut, abs=1 / RATE)
    assert np.mean(np.array(track["speaking"]) > 0) > 0.5
    assert [row["person"] for row in found["speakers"]] == [None, "person1"]
    # a portrait gives the speaker a name
    (tmp_path / "people" / "Anna").mkdir(parents=True)
    Image.fromarray(drawn_picture(1)).save(tmp_path / "people" / "Anna" / "anna.png")
    outcome = joint_command(*common, "--portraits", tmp_path / "people")
    assert "\nAnna: Anna (by activity, " in outcome.out, outcome
    assert {turn.speaker for turn in read_turns(output)["talk"]} == {"Anna", "speaker1"}


def test_a_video_without_a_face_and_portraits_of_five(
    joint_command: Command, refused: Refused, talk: Path, parts: list[np.ndarray], tmp_path: Path
) -> None:
    from tasks.audiovisual.video.writing import write_video

    sound, empty, output = tmp_path / "a.wav", tmp_path / "empty.mkv", tmp_path / "a.rttm"
    write_audio(sound, np.concatenate(parts))
    write_video(empty, [drawn_picture(0)] * 5, RATE)
    common = ("diarize", sound, "--output", output, "--speakers", 2, "--video", empty)
    outcome = joint_command(*common)
    assert outcome.code == 0 and outcome.out.count("off-screen: ") == 2, outcome
    assert [line.split(": ", 2)[2] for line in outcome.err] == [
        "no face in 5 pictures",
        f"pictures up to 0.8 s, sound of {sum(map(len, parts)) / SAMPLE_RATE:.1f} s",
    ]
    output.unlink()
    (tmp_path / "people" / "five").mkdir(parents=True)
    Image.fromarray(drawn_picture(5)).save(tmp_path / "people" / "five" / "five.png")
    line = refused(*common, "--portraits", tmp_path / "people")
    assert line.endswith("five.png: found 5 faces; expected one face")
    mute = refused("diarize", empty, "--video", empty, "--output", output, "--speakers", 2)
    assert "empty.mkv: found a video without sound" in mute
    assert not output.exists()


def test_what_is_no_video_is_refused(refused: Refused, talk: Path, tmp_path: Path) -> None:
    text, output = tmp_path / "text.mp4", tmp_path / "a.rttm"
    text.write_text("no video")
    write_audio(tmp_path / "a.wav", np.full(SAMPLE_RATE, 0.1, np.float32))
    common = ("diarize", tmp_path / "a.wav", "--output", output)
    assert "text.mp4: found" in refused(*common, "--video", text)
    assert "frames.tsv" in refused(*common, "--video", tmp_path)
    assert "--portraits: found no --video" in refused(*common, "--portraits", tmp_path)
    assert "--tracks: found no --video" in refused(*common, "--tracks", tmp_path / "t.json")
    assert "found 2 recordings" in refused(*common, talk, "--video", talk)
    assert "no readable ONNX" in refused(*common, "--video", talk, "--detector", text)
    assert not output.exists()
