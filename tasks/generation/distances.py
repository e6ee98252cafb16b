"""How new and how different generated voices are, by cosine distances of embeddings."""

from collections.abc import Sequence

import numpy as np

from joint.directions import unit
from joint.errors import DataError
from tasks.generation.speakers import Speaker


def nearest(rows: np.ndarray, others: np.ndarray | None = None) -> np.ndarray:
    """The cosine distance `(n,)` of each of `rows (n, E)` to the nearest of `others (m, E)`, or,
    where None, to the nearest other row. Raises DataError where there is nothing to compare with.
    """
    alone = others is None
    if len(rows) < (2 if alone else 1) or (others is not None and not len(others)):
        raise DataError("voices", f"{len(rows)}", "two or more to compare")
    products = unit(rows) @ unit(rows if others is None else others).T
    if alone:
        np.fill_diagonal(products, -np.inf)
    found: np.ndarray = 1.0 - products.max(axis=1)
    return found


def within_speaker(speakers: Sequence[Speaker], sessions: bool) -> np.ndarray:
    """The cosine distance of two embeddings of each speaker: of two sessions, or of two halves of
    one session's recordings; those speakers who have them."""
    pairs = [s.apart() for s in speakers if s.has_sessions == sessions]
    found = [1.0 - float(unit(one) @ unit(other)) for one, other in filter(None, pairs)]
    return np.array(found)


def real_figures(speakers: Sequence[Speaker], unknown: Sequence[Speaker]) -> dict[str, float]:
    """Medians of the distances of real speakers.

    `speaker_to_speaker` (s2s of Stanton et al., "Speaker generation", ICASSP 2022, §5) is that of a
    training speaker to the nearest other one, `unknown_to_training` that of a speaker whom the
    density does not know to the nearest training speaker; `within_speaker` that of two embeddings
    of one speaker, the training speakers and the unknown ones together.
    """
    typical, others = (np.stack([s.typical for s in part]) for part in (speakers, unknown))
    everybody = [*speakers, *unknown]
    return {
        "speaker_to_speaker": _median(nearest(typical)),
        "unknown_to_training": _median(nearest(others, typical)),
        "within_speaker_across_sessions": _median(within_speaker(everybody, True)),
        "within_speaker_within_session": _median(within_speaker(everybody, False)),
    }


def voice_figures(
    voices: np.ndarray, training: np.ndarray, same: float, threshold: float | None = None
) -> dict[str, float]:
    """Distances of generated `voices (n, E)`, to `training (m, E)`, one embedding a speaker.

    `generated_to_nearest` (g2s) and `generated_to_generated` (g2g, among at most m voices) are
    medians. `novel_percent` are the voices whose nearest speaker is farther than `same`, the
    distance of one speaker's sessions; `unknown_percent` those that verification with the
    `threshold`, a cosine, takes for an unknown speaker. `diversity_percent` is the mean distance of
    two voices, where that of two training speakers is 100.
    """
    distances = nearest(voices, training)
    figures = {
        "generated_to_nearest": _median(distances),
        "generated_to_generated": _median(nearest(voices[: len(training)])),
        "novel_percent": 100.0 * float((distances >= same).mean()),
        "diversity_percent": 100.0 * _spread(voices) / _spread(training),
    }
    if threshold is not None:
        figures["unknown_percent"] = 100.0 * float((1.0 - distances < threshold).mean())
    return figures


def _spread(rows: np.ndarray) -> float:
    """The mean cosine distance of two different rows."""
    products = unit(rows) @ unit(rows).T
    count = len(rows)
    return float(1.0 - (products.sum() - count) / (count * (count - 1)))


def _median(values: np.ndarray) -> float:
    return float(np.median(values)) if len(values) else float("nan")
