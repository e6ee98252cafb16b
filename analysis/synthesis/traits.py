"""Which traits of a person synthetic embeddings keep, by probes that natural speech has trained."""

import math
from dataclasses import dataclass

import numpy as np

from analysis.probing.findings import score, tensor
from analysis.probing.folds import Fold, disjoint_folds
from analysis.probing.linear import Kind, Spectrum, linear_answers
from analysis.probing.targets import one_hot
from analysis.synthesis.voices import NATURAL, Speech
from joint.metrics.speech.pitch import SEMITONES_PER_OCTAVE, pitch_statistics

CONSTANT = 1e-9
"""Deviation of numbers that are all the same, but for rounding."""


@dataclass(frozen=True)
class Trait:
    """A trait of each recording: `values (n, c)` by system, one-hot classes or numbers `(n, 1)`;
    NaN where it could not be measured. A label of the corpus is that of the natural person in
    every system."""

    name: str
    kind: Kind
    values: dict[str, np.ndarray]


def traits(speech: Speech, encoder: str) -> dict[str, dict[str, float]]:
    """For each trait: the score of a linear probe on natural embeddings (`natural`), and that of
    the same probe on each system's (`SYSTEM`), both against the natural person's trait; balanced
    accuracy for classes, the correlation for numbers. Training and test parts have no person in
    common. Where a probe finds nothing, its correlation is negative rather than 0: it answers with
    the mean of the training part, which is lower where those left out are higher.
    `SYSTEM_audio` is the correlation of what is measured in the audio with the natural person's: a
    trait that the audio has and the embedding lacks was lost by the encoder, not by the synthesis.
    """
    return {
        trait.name: _row(trait, speech, encoder)
        for trait in traits_of(speech)
        if np.nanstd(trait.values[NATURAL], axis=0).max() > CONSTANT
    }


def traits_of(speech: Speech) -> list[Trait]:
    """Gender and age group where the corpus has them, pitch, its range, and the rate of speech."""
    found: list[Trait] = []
    for name, label in (("gender", "gender"), ("age group", "age_group")):
        labels = [getattr(speech.voices[i].reference, label) for i in speech.owner]
        if None not in labels:
            classes = one_hot([str(each) for each in labels])
            found.append(Trait(name, "classes", dict.fromkeys(speech.measured, classes)))
    measured = {system: _numbers(speech, system) for system in speech.measured}
    for column, name in enumerate(("pitch, semitones", "pitch range", "characters a second")):
        values = {system: rows[:, column : column + 1] for system, rows in measured.items()}
        if np.isfinite(values[NATURAL]).any():
            found.append(Trait(name, "numbers", values))
    return found


def _numbers(speech: Speech, system: str) -> np.ndarray:
    """Of a system's recordings the pitch in semitones above 100 Hz, its deviation, and characters a
    second: `(n, 3)`."""
    found = []
    rows = zip(speech.measured[system], speech.characters[system], strict=True)
    for measured, characters in rows:
        mean = deviation = math.nan
        if measured.pitch is not None:
            statistics = pitch_statistics(measured.pitch)
            mean = SEMITONES_PER_OCTAVE * float(np.log2(statistics.mean_hz / 100.0))
            deviation = statistics.deviation_semitones
        found.append((mean, deviation, characters / measured.seconds))
    return np.array(found)


def _row(trait: Trait, speech: Speech, encoder: str) -> dict[str, float]:
    person = _of_the_person(trait, speech)
    known = np.isfinite(person).all(axis=1)
    systems = list(speech.measured)
    count = len(speech.owner)
    vectors = np.concatenate([speech.embeddings(s, encoder) for s in systems])
    everybody = np.tile(speech.owner, len(systems)).astype(str)
    trained = np.tile(known, len(systems)) & (np.arange(len(vectors)) < count)  # NATURAL is first
    folds = [_natural(fold, trained) for fold in disjoint_folds(everybody.tolist())]
    answers = np.tile(np.where(known[:, None], person, 0.0), (len(systems), 1))
    spectra = {encoder: [Spectrum.of(tensor(vectors), fold) for fold in folds]}
    predicted = linear_answers(spectra, folds, tensor(answers), trait.kind)[encoder].numpy()
    row: dict[str, float] = {}
    for place, system in enumerate(systems):
        own = predicted[place * count : (place + 1) * count]
        row[system] = _agreement(own[known], person[known], trait.kind)
        if trait.kind == "numbers" and system != NATURAL:
            row[f"{system}_audio"] = _agreement(trait.values[system], person, trait.kind)
    return row


def _natural(fold: Fold, trained: np.ndarray) -> Fold:
    """The fold with those items alone in its training part that are `trained (n,)`."""
    kept = trained[fold.train]
    return Fold(fold.train[kept], fold.test, fold.groups[kept])


def _of_the_person(trait: Trait, speech: Speech) -> np.ndarray:
    """The trait of each row's natural person `(n, c)`: a number's mean over their recordings."""
    natural = trait.values[NATURAL]
    if trait.kind == "classes":
        return natural
    people = range(len(speech.voices))
    means = np.stack([_mean(natural[speech.owner == number]) for number in people])
    return means[speech.owner]


def _mean(values: np.ndarray) -> np.ndarray:
    known = values[np.isfinite(values).all(axis=1)]
    return known.mean(axis=0) if len(known) else np.full(values.shape[1], np.nan)


def _agreement(found: np.ndarray, person: np.ndarray, kind: Kind) -> float:
    """Balanced accuracy, or the correlation of the finite pairs of `(n, 1)`; NaN without any."""
    if kind == "classes":
        return score(found, person, kind)
    both = np.isfinite(found[:, 0]) & np.isfinite(person[:, 0])
    first, second = found[both, 0], person[both, 0]
    if len(first) < 3 or min(first.std(), second.std()) < CONSTANT:
        return math.nan
    return float(np.corrcoef(first, second)[0, 1])
