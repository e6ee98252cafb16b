"""Attributes of voices by linear probes that are trained on the embeddings of real speakers."""

from collections.abc import Mapping, Sequence

import numpy as np

from analysis.probing.findings import decompose, tensor
from analysis.probing.folds import Fold
from analysis.probing.linear import Kind, linear_answers
from analysis.probing.targets import one_hot
from tasks.generation.speakers import Levels, Speaker, group_of
from tasks.generation.vocabulary import ACCENT, AGE, GENDER, PITCH, RATE, Attributes

CLASSES = (GENDER, AGE, ACCENT)


def probed_attributes(
    speakers: Sequence[Speaker], levels: Levels, voices: np.ndarray
) -> list[dict[str, str]]:
    """What probes find in `voices (n, E)`: a value for every attribute of which the real `speakers`
    have two or more.

    The probes are ridge regressions on the embeddings of all the speakers' recordings (see
    `analysis.probing.linear`): of one-hot classes, of ln(Hertz), which the `levels` of the gender
    and age that were found turn into low or high, and of phones a second.
    """
    found: list[dict[str, str]] = [{} for _ in voices]
    for name in CLASSES:
        known = [s for s in speakers if name in s.labels]
        values = sorted({s.labels[name] for s in known})
        if len(values) > 1:
            answers = _answers(known, one_hot([s.labels[name] for s in known]), voices, "classes")
            for row, place in zip(found, answers.argmax(axis=1), strict=True):
                row[name] = values[place]
    pitch = _numbers(speakers, [s.log_hertz for s in speakers], voices)
    rate = _numbers(speakers, [s.rate for s in speakers], voices)
    for number, row in enumerate(found):
        middle = levels.pitch.get(group_of(row), float("nan"))
        if pitch is not None and np.isfinite(middle):
            row[PITCH] = "low" if pitch[number] < middle else "high"
        if rate is not None and np.isfinite(levels.rate):
            row[RATE] = "slow" if rate[number] < levels.rate else "fast"
    return found


def agreement_percent(asked: Sequence[Attributes], found: Sequence[Attributes]) -> dict[str, float]:
    """How often an attribute that was asked for is found, in percent: of all together, and of each
    that both sides know, the mean over its values, so that guessing gives an equal share."""
    right: dict[str, dict[str, list[bool]]] = {}
    for one, other in zip(asked, found, strict=True):
        for name in one.keys() & other.keys():
            own = right.setdefault(name, {}).setdefault(one[name], [])
            own.append(one[name] == other[name])
    each = {
        name: 100.0 * float(np.mean([np.mean(rows) for rows in values.values()]))
        for name, values in sorted(right.items())
    }
    everything = [x for values in right.values() for rows in values.values() for x in rows]
    return {"all": 100.0 * float(np.mean(everything)) if everything else float("nan"), **each}


def _numbers(
    speakers: Sequence[Speaker], values: Sequence[float], voices: np.ndarray
) -> np.ndarray | None:
    """The predicted number of each voice; None where fewer than two speakers have one."""
    rows = np.flatnonzero(np.isfinite(values))
    if len(rows) < 2:
        return None
    known = [speakers[row] for row in rows.tolist()]
    answers = _answers(known, np.array(values)[rows][:, None], voices, "numbers")
    predicted: np.ndarray = answers[:, 0]
    return predicted


def _answers(
    speakers: Sequence[Speaker], values: np.ndarray, voices: np.ndarray, kind: Kind
) -> np.ndarray:
    """Answers `(n, c)` for `voices (n, E)` of a probe that is trained on all recordings of the
    speakers, each with its speaker's `values (N, c)`."""
    counts = [len(s.embeddings) for s in speakers]
    owner = np.repeat(np.arange(len(speakers)), counts)
    vectors = np.concatenate([*(s.embeddings for s in speakers), voices])
    y = np.concatenate([values[owner], np.zeros((len(voices), values.shape[1]))])
    fold = Fold(np.arange(len(owner)), np.arange(len(owner), len(vectors)), owner)
    spectra: Mapping[str, list] = {"": decompose(vectors, [fold])}
    answers: np.ndarray = linear_answers(spectra, [fold], tensor(y), kind)[""].numpy()
    return answers[len(owner) :]
