"""YuNet, a small face detector, from its ONNX file (OpenCV's model zoo, libfacedetection)."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from joint.errors import CheckpointError
from tasks.audiovisual.faces.face import Face
from tasks.audiovisual.faces.session import open_session

STRIDES = (8, 16, 32)
"""Pixels between the cells of its three grids."""
KINDS = ("cls", "obj", "bbox", "kps")
EXPECTED = "YuNet's ONNX file, with outputs cls_8 to kps_32"


class YuNet:
    """Faces of 10 to 300 pixels, with five landmarks (Wu et al., "YuNet: a tiny millisecond-level
    face detector", Machine Intelligence Research 2023).

    Args:
        path: `face_detection_yunet_*.onnx` of any size of input.
        threshold: the lowest score of a face, 0 to 1.
        overlap: of two boxes with a larger intersection over union the better one is kept.

    Raises CheckpointError for another file, ConfigError without onnxruntime.
    """

    def __init__(self, path: str | Path, threshold: float = 0.8, overlap: float = 0.3) -> None:
        self.threshold, self.overlap = threshold, overlap
        self._session = open_session(path, EXPECTED)
        names = {output.name for output in self._session.get_outputs()}
        if not {f"{kind}_{stride}" for kind in KINDS for stride in STRIDES} <= names:
            raise CheckpointError(path, f"outputs {', '.join(sorted(names))}", EXPECTED)
        self._input = self._session.get_inputs()[0]

    def __call__(self, picture: np.ndarray) -> list[Face]:
        """See Detector; the faces with the highest scores first."""
        height, width = self._input.shape[2:]
        fixed = isinstance(height, int) and isinstance(width, int)
        if not fixed:  # as large as the picture, to the next whole cell
            height, width = (-(-side // STRIDES[-1]) * STRIDES[-1] for side in picture.shape[:2])
        scale = min(1.0, height / picture.shape[0], width / picture.shape[1])
        canvas = np.zeros((height, width, 3), np.float32)
        small = picture if scale == 1.0 else _resized(picture, scale)
        canvas[: len(small), : small.shape[1]] = small[..., ::-1]  # blue, green, red
        names = [f"{kind}_{stride}" for kind in KINDS for stride in STRIDES]
        fed = {self._input.name: canvas.transpose(2, 0, 1)[None]}
        outputs = dict(zip(names, self._session.run(names, fed), strict=True))
        return distinct(decode(outputs, width, self.threshold, scale), self.overlap)


def decode(
    outputs: Mapping[str, np.ndarray], width: int, threshold: float, scale: float = 1.0
) -> list[Face]:
    """Faces of YuNet's outputs, `cls`, `obj (1, cells, 1)`, `bbox (1, cells, 4)` and `kps (1,
    cells, 10)` of each stride, of an input that is `width` pixels wide and `scale` of the picture.

    A cell gives the middle of a box relative to its corner in strides, width and height as
    logarithms of strides, and landmarks as the middle; the score is the geometric mean of both.
    """
    found = []
    for stride in STRIDES:
        cls, obj, bbox, kps = (outputs[f"{kind}_{stride}"][0] for kind in KINDS)
        score = np.sqrt(cls[:, 0].clip(0, 1) * obj[:, 0].clip(0, 1))
        row, column = np.divmod(np.arange(len(score)), width // stride)
        corner = np.stack([column, row], axis=1)
        for cell in np.flatnonzero(score >= threshold):
            middle = (corner[cell] + bbox[cell, :2]) * stride / scale
            half = np.exp(bbox[cell, 2:]) * stride / scale / 2
            (left, top), (right, bottom) = (middle - half).tolist(), (middle + half).tolist()
            landmarks = (corner[cell] + kps[cell].reshape(5, 2)) * stride / scale
            found.append(Face((left, top, right, bottom), float(score[cell]), landmarks))
    return found


def distinct(found: list[Face], overlap: float) -> list[Face]:
    """Without those that another of a higher score overlaps by more (non-maximum suppression)."""
    kept: list[Face] = []
    for face in sorted(found, key=lambda face: -face.score):
        if all(face.overlap(other) <= overlap for other in kept):
            kept.append(face)
    return kept


def _resized(picture: np.ndarray, scale: float) -> np.ndarray:
    from PIL import Image

    size = (max(1, int(picture.shape[1] * scale)), max(1, int(picture.shape[0] * scale)))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR))
