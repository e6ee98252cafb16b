"""Mixtures without the enrolled speaker, made of a list by swapping enrolments: the decision on
presence is fitted on them, and measured on speakers that it was not fitted on."""

import logging
from collections.abc import Iterator
from typing import Any

import numpy as np

from joint.audio import resampled
from joint.data.corpus import Corpus
from joint.errors import AudioError, DataError
from joint.metrics.detection import eer
from joint.training.progress import shown
from joint.units import SAMPLE_RATE
from tasks.extraction.evaluate import Extract
from tasks.extraction.mixtures import MixtureList, MixtureRow
from tasks.extraction.presence import MEASURES, Embed, Presence, measures
from tasks.extraction.rendering import render

FOLDS = 4
"""Parts of the target speakers; the decision that judges a part is fitted on the others."""

logger = logging.getLogger(__name__)


def measured_presence(
    extract: Extract,
    embed: Embed,
    corpus: Corpus,
    mixtures: MixtureList,
    seed: int = 0,
    progress: bool = False,
) -> tuple[Presence, dict[str, Any]]:
    """The decision on presence for an extractor, and its figures on speakers left out of the fit.

    Each mixture is extracted for its own enrolment, and for one of a speaker who is not in it: in
    every second mixture of the target's gender, where there is such a speaker.

    Raises DataError for a list of fewer than four targets, or where no mixture can be read.
    """
    mixtures.check(corpus)
    draw = np.random.default_rng(seed)
    measured, present, targets = [], [], []
    for number, row in enumerate(shown(mixtures.rows, "presence", progress)):
        absent = _stranger(row, corpus, draw, number % 2 == 0)
        try:
            rows = [
                _measured(row, name, extract, embed, corpus) for name in (row.enrollment, absent)
            ]
        except AudioError as error:
            logger.warning("skipped %s: %s", row.mix_id, error)
            continue
        measured += rows
        present += [True, False]
        targets += [corpus.by_id[row.target].speaker] * 2
    if len(set(targets)) < FOLDS:
        raise DataError(mixtures.path, f"{len(set(targets))} targets", f"at least {FOLDS}")
    x, y = np.array(measured), np.array(present)
    scores, warned = np.zeros(len(x)), np.zeros(len(x), dtype=bool)
    for held_out in _folds(targets):
        decision = Presence.fit(x[~held_out], y[~held_out])
        scores[held_out] = [decision(row) for row in x[held_out]]
        warned[held_out] = scores[held_out] < decision.threshold
    figures = {
        "presence_eer_percent": eer(scores, y).percent,
        "present_warned_percent": 100 * float(warned[y].mean()),
        "absent_warned_percent": 100 * float(warned[~y].mean()),
        "absent_level_db": float(x[~y, MEASURES.index("output_level_db")].mean()),
        "presence_mixtures": len(y) // 2,
    }
    return Presence.fit(x, y), figures


def _measured(
    row: MixtureRow, enrollment: str, extract: Extract, embed: Embed, corpus: Corpus
) -> np.ndarray:
    mixture = resampled(render(row, corpus).mixture, row.sample_rate, SAMPLE_RATE)
    person = corpus.by_id[enrollment].waveform()
    return measures(embed, mixture, embed([person])[0], extract(mixture, person))


def _stranger(row: MixtureRow, corpus: Corpus, draw: np.random.Generator, alike: bool) -> str:
    """An utterance of somebody who is not in the mixture. Raises DataError where all are."""
    target = corpus.by_id[row.target]
    talking = {target.speaker, *(corpus.by_id[name].speaker for name, _ in row.interferers)}
    others = [u for u in corpus.utterances if u.speaker not in talking]
    close = [u for u in others if alike and u.gender is not None and u.gender == target.gender]
    chosen = close or others
    if not chosen:
        raise DataError(corpus.where, "no third speaker", "one to enrol who is not in the mixture")
    return chosen[draw.integers(len(chosen))].id


def _folds(targets: list[Any]) -> Iterator[np.ndarray]:
    people = sorted(set(targets), key=str)
    for fold in range(FOLDS):
        part = set(people[fold::FOLDS])
        yield np.array([target in part for target in targets])
