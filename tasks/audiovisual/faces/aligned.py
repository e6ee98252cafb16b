"""Face embedders in ONNX that read aligned faces of 112 × 112 pixels, such as ArcFace, SFace and
MobileFaceNet."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from joint.errors import CheckpointError, ConfigError
from tasks.audiovisual.faces.face import Face
from tasks.audiovisual.faces.session import open_session

SIDE = 112
TEMPLATE = np.array(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ]
)
"""Where the landmarks of an aligned face are, in pixels (Deng et al., "ArcFace", CVPR 2019)."""
EXPECTED = "ONNX that reads (n, 3, 112, 112) and gives (n, V)"


class OnnxEmbedder:
    """Embeddings by a network in ONNX with one input `(n, 3, 112, 112)`.

    Args:
        path: the file.
        mean: subtracted from pixels of 0 to 255; `scale`: what the rest is divided by. ArcFace and
            MobileFaceNet read (x - 127.5) / 127.5; OpenCV's SFace 0 and 1.
        blue_first: whether the network reads blue, green, red.

    Raises CheckpointError for another file, ConfigError without onnxruntime.
    """

    def __init__(
        self, path: str | Path, mean: float = 127.5, scale: float = 127.5, blue_first: bool = False
    ) -> None:
        self.mean, self.scale, self.blue_first = mean, scale, blue_first
        self._session = open_session(path, EXPECTED)
        shapes = [each.shape for each in self._session.get_inputs()]
        if len(shapes) != 1 or shapes[0][1:] != [3, SIDE, SIDE]:
            raise CheckpointError(path, f"inputs {shapes}", EXPECTED)
        self._input = self._session.get_inputs()[0].name

    def crop(self, picture: np.ndarray, face: Face) -> np.ndarray:
        """See Embedder. Raises ConfigError for a face without landmarks."""
        from PIL import Image

        if face.landmarks is None:
            raise ConfigError("detector", "faces without landmarks", "a detector as YuNet")
        # Pillow asks where each pixel of the result is in the picture
        matrix = similarity(TEMPLATE, face.landmarks)
        made = Image.fromarray(picture).transform(
            (SIDE, SIDE),
            Image.Transform.AFFINE,
            matrix.flatten().tolist(),
            Image.Resampling.BILINEAR,
        )
        return np.asarray(made)

    def embed(self, crops: Sequence[np.ndarray]) -> np.ndarray:
        """See Embedder."""
        pixels = [crop[..., ::-1] if self.blue_first else crop for crop in crops]
        rows = [
            self._session.run(
                None, {self._input: ((p - self.mean) / self.scale).transpose(2, 0, 1)[None]}
            )[0]
            for p in (pixel.astype(np.float32) for pixel in pixels)
        ]
        return np.concatenate(rows).astype(np.float32)


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The rotation, scale and shift, `(2, 3)`, that bring `source (n, 2)` nearest to `target (n,
    2)` by least squares (Umeyama, IEEE TPAMI 1991); no reflection."""
    x, y = source - source.mean(axis=0), target - target.mean(axis=0)
    # in complex numbers rotation and scale are one factor
    a, b = x[:, 0] + 1j * x[:, 1], y[:, 0] + 1j * y[:, 1]
    turn = np.vdot(a, b) / max(np.vdot(a, a).real, 1e-12)
    linear = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
    shift = target.mean(axis=0) - linear @ source.mean(axis=0)
    return np.hstack([linear, shift[:, None]])
