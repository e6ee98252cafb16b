"""Pictures with drawn faces, which real detectors find: no picture of anybody is in the tests."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

WIDTH, HEIGHT, SIZE = 180, 240, 140


def drawn_picture(count: int, skin: int = 200) -> np.ndarray:
    """`count` faces side by side, `(240, W, 3)` uint8."""
    image = Image.new("RGB", (WIDTH * max(count, 1), HEIGHT), (150, 150, 150))
    draw = ImageDraw.Draw(image)
    for number in range(count):
        _face(draw, WIDTH * (number + 0.5), HEIGHT / 2, skin)
    return np.asarray(image.filter(ImageFilter.GaussianBlur(1.5)))


def _face(draw: ImageDraw.ImageDraw, x: float, y: float, skin: int) -> None:
    def ellipse(left: float, top: float, width: float, height: float, grey: int) -> None:
        corners = (left - width, top - height, left + width, top + height)
        draw.ellipse([(x, y)[i % 2] + SIZE * c for i, c in enumerate(corners)], (grey,) * 3)

    ellipse(0, -0.05, 0.52, 0.68, 60)  # hair
    ellipse(0, 0.05, 0.42, 0.58, skin)
    for eye in (-0.18, 0.18):
        brow = (eye - 0.1, -0.17, eye + 0.1, -0.13)
        draw.rectangle([(x, y)[i % 2] + SIZE * c for i, c in enumerate(brow)], (70, 70, 70))
        ellipse(eye, -0.05, 0.09, 0.045, 245)
        ellipse(eye, -0.05, 0.04, 0.042, 30)
        ellipse(eye * 0.9, 0.02, 0.1, 0.015, skin - 40)
    nose = [(0, -0.05), (-0.07, 0.17), (0.07, 0.17)]
    draw.polygon([(x + SIZE * a, y + SIZE * b) for a, b in nose], (skin - 35,) * 3)
    ellipse(0, 0.17, 0.075, 0.025, 90)
    ellipse(0, 0.33, 0.15, 0.05, 110)
