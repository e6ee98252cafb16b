"""Voices and faces of invented people: directions of their own, with noise of a known size."""

import numpy as np

from tasks.audiovisual.items import Items, Modality

PEOPLE, EACH = 40, 4
VOICE, FACE = 24, 16
NOISY = 3.0
"""Times the noise of a clean item, in a corrupted one."""


def planted(seed: int, voice_noise: float = 0.8, face_noise: float = 0.8) -> Items:
    """Four items of each of 40 people; quality is the negative size of the noise, and a voice in
    more of it is shorter."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(PEOPLE), EACH)

    def modality(dim: int, noise: float) -> Modality:
        own = np.random.default_rng(dim).normal(size=(PEOPLE, dim))[person]
        rows = own + noise * rng.normal(size=own.shape)
        quality = np.full((len(person), 1), -noise) + 0.05 * rng.normal(size=(len(person), 1))
        return Modality.complete(rows.astype(np.float32), quality)

    return Items(modality(VOICE, voice_noise), modality(FACE, face_noise), person.astype(str))


def all_trials(items: Items) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of both sides of every pair, and whether they are of one person."""
    first, second = np.triu_indices(len(items.person), 1)
    return first, second, items.person[first] == items.person[second]
