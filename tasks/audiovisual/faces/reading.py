"""Pictures from files."""

from pathlib import Path

import numpy as np

from joint.errors import ConfigError, DataError

EXTRA = "pip install 'joint-speaker[audiovisual]'"
"""What brings the packages of this task."""
ENDINGS = (".jpg", ".jpeg", ".png", ".pgm", ".ppm", ".bmp", ".webp")
"""Of the pictures in a folder."""
EXPECTED = "a picture (JPEG, PNG, PGM)"


def read_picture(path: str | Path) -> np.ndarray:
    """A picture `(H, W, 3)` uint8, red, green, blue, upright as its EXIF data say.

    Raises DataError for what is no picture that can be decoded whole, ConfigError where Pillow is
    not installed.
    """
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise ConfigError("pictures", "no package pillow", EXTRA) from None
    try:
        with Image.open(path) as file:
            return np.asarray(ImageOps.exif_transpose(file).convert("RGB"))
    # Pillow's plugins raise these for damaged content; a bomb is a picture of absurd size
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise DataError(path, reason or "no readable picture", EXPECTED) from None
