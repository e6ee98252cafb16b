"""Speakers of invented embeddings, with a direction each for gender, pitch and accent."""

import numpy as np

from tasks.generation.speakers import Speaker

SIZE, EACH = 24, 4


def planted_speakers(count: int, seed: int = 0, name: str = "s") -> list[Speaker]:
    """`count` speakers of four recordings each, in two sessions."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(count):
        female, northern = rng.integers(2, size=2)
        high = rng.choice([-1.0, 1.0]) * rng.uniform(0.5, 1.5)
        own = rng.normal(size=SIZE) + 5.0
        own[:3] = 5.0 + 4.0 * np.array([2.0 * female - 1.0, high, 2.0 * northern - 1.0])
        rows = own + 0.1 * rng.normal(size=(EACH, SIZE))
        labels = {"gender": "f" if female else "m", "age": "adult"}
        labels["accent"] = "northern" if northern else "southern"
        hertz = 5.3 * female + 4.8 * (1 - female) + 0.1 * high
        sessions = ("1", "1", "2", "2")
        found.append(
            Speaker(f"{name}{number}", rows.astype(np.float32), sessions, labels, float(hertz))
        )
    return found
