"""From a picture to the embedding of one face."""

import sys
from pathlib import Path

import numpy as np
import pytest
from drawn_people import drawn_picture
from PIL import Image

from joint.errors import CheckpointError, ConfigError, DataError
from tasks.audiovisual.faces.aligned import TEMPLATE, OnnxEmbedder, similarity
from tasks.audiovisual.faces.dlib_models import DlibDetector, dlib_encoder
from tasks.audiovisual.faces.face import Face, FaceEncoder
from tasks.audiovisual.faces.reading import read_picture
from tasks.audiovisual.faces.yunet import STRIDES, YuNet, decode, distinct


@pytest.fixture(scope="module")
def encoder() -> FaceEncoder:
    """dlib's, where the extra is installed."""
    pytest.importorskip("dlib")
    pytest.importorskip("face_recognition_models")
    return dlib_encoder()


def test_one_face_is_aligned_and_embedded(encoder: FaceEncoder) -> None:
    bright, dark = drawn_picture(1), drawn_picture(1, skin=120)
    moved = np.pad(bright, ((40, 0), (60, 0), (0, 0)), mode="edge")
    found = encoder([bright, moved, dark], ["bright", "moved", "dark"])
    assert found.shape == (3, 128) and found.dtype == np.float32
    same, other = np.linalg.norm(found[0] - found[1:], axis=1)
    assert same < 0.1 < other  # alignment takes the shift away, not the person


@pytest.mark.parametrize("count, expected", [(0, "no face"), (5, "5 faces")])
def test_a_picture_without_a_face_or_with_five(
    encoder: FaceEncoder, count: int, expected: str
) -> None:
    with pytest.raises(DataError, match=f"party.jpg: found {expected}; expected one face"):
        encoder([drawn_picture(count)], ["party.jpg"])


def test_packages_that_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dlib", None)
    with pytest.raises(ConfigError, match=r"no package dlib-bin.*joint-speaker\[audiovisual\]"):
        DlibDetector()


def test_pictures_are_read_upright_and_bad_ones_refused(tmp_path: Path) -> None:
    picture = drawn_picture(1)
    turned = Image.fromarray(picture).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn clockwise is upright
    turned.save(tmp_path / "turned.png", exif=exif)
    assert np.array_equal(read_picture(tmp_path / "turned.png"), picture)
    Image.fromarray(picture[..., 0]).save(tmp_path / "grey.pgm")
    assert read_picture(tmp_path / "grey.pgm").shape == picture.shape
    whole = (tmp_path / "turned.png").read_bytes()
    (tmp_path / "half.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.jpg").write_text("no picture")
    for name in ("half.png", "text.jpg", "missing.jpg"):
        with pytest.raises(DataError, match=rf"{name}.*expected a picture"):
            read_picture(tmp_path / name)


def yunet_outputs(
    width: int, height: int, faces: dict[int, tuple[int, float]]
) -> dict[str, np.ndarray]:
    """Outputs with a face at one cell of a stride, `{stride: (cell, score)}`: 2 × 4 strides large,
    its middle half a stride right of and below the cell's corner."""
    outputs = {}
    for stride in STRIDES:
        cells = (width // stride) * (height // stride)
        for kind, size in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
            outputs[f"{kind}_{stride}"] = np.zeros((1, cells, size), np.float32)
        if stride in faces:
            cell, score = faces[stride]
            outputs[f"cls_{stride}"][0, cell] = outputs[f"obj_{stride}"][0, cell] = score
            outputs[f"bbox_{stride}"][0, cell] = [0.5, 0.5, np.log(2.0), np.log(4.0)]
            outputs[f"kps_{stride}"][0, cell] = np.arange(10) / 10
    return outputs


def test_yunet_is_decoded() -> None:
    # stride 16, 4 cells a row: cell 6 is the second row's third
    (found,) = decode(yunet_outputs(64, 96, {16: (6, 0.9)}), 64, threshold=0.8, scale=0.5)
    middle, half = np.array([2.5, 1.5]) * 16 / 0.5, np.array([1.0, 2.0]) * 16 / 0.5
    np.testing.assert_allclose(found.box, [*(middle - half), *(middle + half)], rtol=1e-6)
    assert found.score == pytest.approx(0.9) and found.landmarks is not None
    np.testing.assert_allclose(found.landmarks[1], np.array([2.2, 1.3]) * 32, rtol=1e-6)
    assert not decode(yunet_outputs(64, 96, {16: (6, 0.7)}), 64, threshold=0.8)


def test_of_overlapping_boxes_the_better_is_kept() -> None:
    boxes = [(0.0, 0.0, 10.0, 10.0), (1.0, 0.0, 11.0, 10.0), (20.0, 0.0, 30.0, 10.0)]
    found = [Face(box, score) for box, score in zip(boxes, (0.8, 0.9, 0.85), strict=True)]
    assert [face.score for face in distinct(found, overlap=0.3)] == [0.9, 0.85]


def test_alignment_undoes_turn_scale_and_shift() -> None:
    turn = 1.7 * np.exp(0.4j)
    matrix = np.array([[turn.real, -turn.imag, 31.0], [turn.imag, turn.real, -12.0]])
    moved = TEMPLATE @ matrix[:, :2].T + matrix[:, 2]
    np.testing.assert_allclose(similarity(TEMPLATE, moved), matrix, atol=1e-9)


def network(path: Path, side: int) -> Path:
    """ONNX that gives the mean of each channel of its input `(1, 3, side, side)`."""
    onnx = pytest.importorskip("onnx")
    node = onnx.helper.make_node("ReduceMean", ["x"], ["y"], axes=[2, 3], keepdims=0)
    kinds = {"x": [1, 3, side, side], "y": [1, 3]}
    infos = {n: onnx.helper.make_tensor_value_info(n, 1, shape) for n, shape in kinds.items()}
    graph = onnx.helper.make_graph([node], "mean", [infos["x"]], [infos["y"]])
    opset = [onnx.helper.make_opsetid("", 13)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return path


def test_an_embedder_in_onnx_reads_the_aligned_face(tmp_path: Path) -> None:
    embedder = OnnxEmbedder(network(tmp_path / "mean.onnx", 112), blue_first=True)
    picture = np.zeros((300, 300, 3), np.uint8)
    landmarks = TEMPLATE + 80.0
    picture[80:192, 80:192] = [255, 0, 0]  # where the aligned face comes from
    crop = embedder.crop(picture, Face((80, 80, 192, 192), 1.0, landmarks))
    assert crop.shape == (112, 112, 3) and (crop[2:-2, 2:-2] == [255, 0, 0]).all()
    found = embedder.embed([crop, crop])
    assert found.shape == (2, 3) and found[0, 2] > 0.9 > -0.9 > found[0, 0]
    with pytest.raises(ConfigError, match="without landmarks"):
        embedder.crop(picture, Face((80, 80, 192, 192), 1.0))


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("no network")
    for kind in (YuNet, OnnxEmbedder):
        with pytest.raises(CheckpointError, match=r"text.onnx: found no readable ONNX"):
            kind(tmp_path / "text.onnx")
        with pytest.raises(CheckpointError, match=r"there.onnx: found no file"):
            kind(tmp_path / "there.onnx")
        with pytest.raises(CheckpointError, match=r"small.onnx: found (in|out)puts"):
            kind(network(tmp_path / "small.onnx", 64))
