"""Embeddings as directions: their length says nothing about who speaks."""

import numpy as np


def unit(embeddings: np.ndarray) -> np.ndarray:
    """`embeddings (…, E)` at length one; zeros stay zeros."""
    lengths = np.linalg.norm(embeddings, axis=-1, keepdims=True)
    scaled: np.ndarray = embeddings / np.maximum(lengths, 1e-12)
    return scaled
