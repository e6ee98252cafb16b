"""How much a mouth moves."""

import numpy as np

ROWS, COLUMNS = (0.58, 0.92), (0.28, 0.72)
"""Where the mouth is in an aligned face, in shares of its height and width; dlib's and ArcFace's
alignment have it at 0.69 and 0.82 of the height."""
SHIFT = 0.02
"""Share of the width by which the alignment of two pictures may differ."""
STILL = 3.0
"""Levels of grey, of 255: what noise and compression change in a mouth that does not move."""


def mouth_motion(before: np.ndarray, after: np.ndarray) -> float:
    """Mean absolute difference in grey of the mouths of two aligned faces `(C, C, 3)` uint8, at the
    shift that makes it least, so that a head's motion does not count; 0 below `STILL`.

    Everingham, Sivic, Zisserman, "Hello! My name is... Buffy", BMVC 2006, section 2.4.
    """
    side = len(after)
    reach = max(1, round(SHIFT * side))
    (top, bottom), (left, right) = ([round(e * side) for e in edges] for edges in (ROWS, COLUMNS))
    mouth = after[top:bottom, left:right].mean(axis=2)
    around = before[top - reach : bottom + reach, left - reach : right + reach].mean(axis=2)
    windows = np.lib.stride_tricks.sliding_window_view(around, mouth.shape)
    least = float(np.abs(windows - mouth).mean(axis=(2, 3)).min())
    return max(0.0, least - STILL)
