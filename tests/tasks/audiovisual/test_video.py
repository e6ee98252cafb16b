"""Videos are read and written; faces are followed in them; mouths move."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from squares import SquareEmbedder, picture, square_encoder

from joint.errors import AudioError, ConfigError, DataError, JointError
from tasks.audiovisual.video.mouth import mouth_motion
from tasks.audiovisual.video.reading import Frame, open_video
from tasks.audiovisual.video.tracks import track_faces
from tasks.audiovisual.video.writing import write_video


@pytest.fixture(scope="module")
def tone() -> np.ndarray:
    """Two seconds."""
    return (0.3 * np.sin(np.arange(32_000) / 20)).astype(np.float32)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory, tone: np.ndarray) -> Path:
    """Two seconds with sound, whose brightness says which picture it is."""
    pytest.importorskip("av")
    path = tmp_path_factory.mktemp("video") / "grey.mkv"
    pictures = [np.full((64, 96, 3), 40 + 8 * number, np.uint8) for number in range(20)]
    write_video(path, pictures, 10, tone)
    return path


def test_pictures_have_their_times(video: Path, tone: np.ndarray) -> None:
    frames = list(open_video(video).frames(5.0))
    assert [frame.time for frame in frames] == pytest.approx(np.arange(10) / 5, abs=0.01)
    assert frames[0].picture.shape == (64, 96, 3)
    levels = [frame.picture.mean() for frame in frames]
    assert levels == pytest.approx(40.0 + 16 * np.arange(10), abs=4)
    assert len(list(open_video(video).frames(100.0))) == 20
    sound = open_video(video).sound()
    assert sound.dtype == np.float32 and np.abs(sound - tone).max() < 1e-4


def test_a_folder_of_pictures(tmp_path: Path) -> None:
    for number in range(3):
        Image.fromarray(picture({1: (20 * number, 0)})).save(tmp_path / f"{number}.png")
    (tmp_path / "frames.tsv").write_text("0.0\t0.png\n0.04 1.png\n1.5 2.png\n")
    video = open_video(tmp_path)
    assert [frame.time for frame in video.frames(5.0)] == [0.0, 1.5]
    assert np.array_equal(list(video.frames(50.0))[1].picture, picture({1: (20, 0)}))
    with pytest.raises(AudioError, match="a folder of pictures; expected a recording"):
        video.sound()


@pytest.mark.parametrize(
    "lines, expected",
    [
        (None, "frames.tsv"),
        ("", "no line"),
        ("1.0 a.png\n0.5 a.png\n", "frames.tsv:2: found time 0.5"),
        ("nan a.png\n", "time nan"),
        ("soon a.png\n", "time soon"),
        ("0.0 b.png\n", "no file b.png"),
        ("0.0\n", "expected 2 fields"),
        ("0.0 text.png\n", "expected a picture"),
    ],
)
def test_folders_that_are_no_video(tmp_path: Path, lines: str | None, expected: str) -> None:
    Image.fromarray(picture({})).save(tmp_path / "a.png")
    (tmp_path / "text.png").write_text("no picture")
    if lines is not None:
        (tmp_path / "frames.tsv").write_text(lines)
    with pytest.raises(DataError, match=expected):
        open_video(tmp_path)


def test_files_that_are_no_video(video: Path, tmp_path: Path, tone: np.ndarray) -> None:
    from joint.audio import write_audio

    (tmp_path / "text.mp4").write_text("no video")
    write_audio(tmp_path / "sound.wav", tone)
    (tmp_path / "start.mkv").write_bytes(video.read_bytes()[:600])
    for name in ("text.mp4", "sound.wav", "start.mkv", "missing.mp4"):
        with pytest.raises(DataError, match=rf"{name}: found .*expected a video"):
            open_video(tmp_path / name)
    write_video(tmp_path / "mute.mkv", [np.zeros((64, 64, 3), np.uint8)] * 3, 5)
    with pytest.raises(AudioError, match=r"mute.mkv: found a video without sound"):
        open_video(tmp_path / "mute.mkv").sound()
    with pytest.raises(JointError):
        write_video(tmp_path / "text.mp4" / "x.mkv", [np.zeros((64, 64, 3), np.uint8)], 5)


def test_the_package_is_not_there(monkeypatch: pytest.MonkeyPatch, video: Path) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ConfigError, match=r"no package av.*joint-speaker\[audiovisual\]"):
        open_video(video)


def test_faces_are_followed_until_they_leave_or_another_comes() -> None:
    encoder = square_encoder()
    scenes = [{1: (0, 0), 2: (150, 90)}] * 5  # both stay
    scenes += [{1: (10 * n, 0), 2: (150, 90)} for n in range(5)]  # one moves
    scenes += [{3: (40, 0), 2: (150, 90)}] * 5  # another in its place
    scenes += [{3: (40, 0)}] * 8 + [{3: (40, 0), 2: (150, 90)}] * 4  # one is away
    scenes += [{4: (200, 0)}]  # in one picture alone
    frames = [Frame(n / 5, picture(scene)) for n, scene in enumerate(scenes)]
    found = track_faces(frames, encoder, same=0.9)
    assert found.times.tolist() == [frame.time for frame in frames]
    spans = [(t.frames[0], t.frames[-1], int(t.embedding.argmax()) + 1) for t in found.tracks]
    assert spans == [(0, 9, 1), (0, 14, 2), (10, 26, 3), (23, 26, 2)]
    assert found.tracks[0].boxes[7] == (20.0, 0.0, 68.0, 48.0)
    # a face that looks as before is not embedded in every picture
    assert isinstance(encoder.embedder, SquareEmbedder)
    assert encoder.embedder.embedded < sum(len(scene) for scene in scenes) / 3


def test_a_head_that_moves_is_no_mouth_that_moves() -> None:
    def crop(mouth: int, shift: int = 0) -> np.ndarray:
        part = picture({1: (100, 100)}, {1: mouth})[100:148, 100 + shift : 148 + shift]
        return part.repeat(2, axis=0).repeat(2, axis=1)

    assert mouth_motion(crop(0), crop(0)) == 0.0
    assert mouth_motion(crop(0), crop(0, shift=1)) == 0.0
    assert mouth_motion(crop(0), crop(4)) > mouth_motion(crop(0), crop(2)) > 0.0
    noise = np.random.default_rng(0).integers(-2, 3, (96, 96, 3))
    assert mouth_motion(crop(0), np.clip(crop(0) + noise, 0, 255).astype(np.uint8)) == 0.0
