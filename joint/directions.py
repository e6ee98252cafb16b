"""Embeddings as directions: their length says nothing about who speaks."""

import numpy as np


def unit(embeddings: np.ndarray) -> np.ndarray:
    """`embeddings (…, E)` at length one; zeros stay zeros."""
    lengths = np.linalg.norm(embeddings, axis=-1, keepdims=True)
    scaled: np.ndarray = embeddings / np.maximum(lengths, 1e-12)
    return scaled


def typical(embeddings: np.ndarray) -> np.ndarray:
    """One embedding `(E,)` for the `embeddings (K, E)` of a speaker: their mean direction, with
    their mean length."""
    embeddings = np.asarray(embeddings, dtype=np.float64)
    length = np.linalg.norm(embeddings, axis=1).mean()
    found: np.ndarray = length * unit(unit(embeddings).mean(axis=0))
    return found.astype(np.float32)
