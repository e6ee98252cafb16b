"""Evaluation of target speaker extraction on a list of mixtures."""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import track

from joint.audio import resampled, write_audio
from joint.data.corpus import Corpus
from joint.data.grouping import gender_pair, gender_relation, positions_by_group
from joint.errors import AudioError, DataError, JointError
from joint.metrics.perceptual import Perceptual, pesq_installed
from joint.metrics.perceptual import perceptual as perceptual_scores
from joint.metrics.recognizers import Recognizer
from joint.metrics.separation import si_sdr_db
from joint.metrics.words import word_errors
from joint.training.memory import giving_back
from joint.units import SAMPLE_RATE, Hertz, Samples
from tasks.extraction.figures import MixtureScore, Words, failures, figures, write_mixture_scores
from tasks.extraction.mixtures import MixtureList, MixtureRow
from tasks.extraction.rendering import RenderedMixture, render

Extract = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From mixture `(S,)` and enrolment `(S2,)`, float32 at 16 kHz, to the estimate `(S,)`."""

WHOLE, CUT = "whole target", "cut target"
"""Groups: mixtures with all of the target's words, and those cut at the interferer's end."""

_AHEAD = 4
"""Most mixtures that are read ahead, and most estimates that wait for PESQ."""

logger = logging.getLogger(__name__)


def evaluate_extraction(
    extract: Extract,
    corpus: Corpus,
    mixtures: MixtureList,
    output: Path | None = None,
    limit: int | None = None,
    recognizer: Recognizer | None = None,
    scores: Path | None = None,
    perceptual: bool = True,
    progress: bool = True,
) -> dict[str, Any]:
    """Figures of an extractor on a mixture list, or on its first `limit` rows.

    `output` is a folder for the estimates (`MIX_ID.wav`), `scores` a CSV to write, one row for each
    mixture. Of a list at 8 kHz, `extract` gets mixture and enrolment as they are read from files of
    that rate, and its estimate is resampled to 8 kHz, at which all figures are. The reference of
    word error rates is the target's whole text, although mixtures end with the shorter utterance:
    compare them with `wer_reference_percent`, or use the group `whole target`. Mixtures with a
    recording that cannot be read, or is cut too short, are left out and counted. `by_group` has
    gender pairs, the target's age group, and whole and cut targets.

    Raises DataError where list and corpus do not fit or no mixture can be read, JointError where
    `extract` returns anything but finite samples of the mixture's length.
    """
    mixtures.check(corpus)
    if limit is not None and limit < 1:
        raise DataError("limit", str(limit), "at least 1 mixture")
    if perceptual and not pesq_installed():
        logger.warning("the package pesq is not installed: no PESQ (pip install pesq)")
    rows, rate = mixtures.rows[:limit], mixtures.sample_rate
    results: list[MixtureScore] = []
    console = Console(stderr=True)
    # PESQ and STOI of one mixture are computed while the next one is extracted
    with ThreadPoolExecutor(1) as readers, ThreadPoolExecutor(1) as workers:
        waiting: deque[tuple[MixtureScore, Future[Perceptual] | None]] = deque()
        rendered = giving_back(_rendered(rows, corpus, readers))
        shown = console.is_terminal and progress
        for row, waveforms in track(
            rendered, "extracting", total=len(rows), console=console, disable=not shown
        ):
            if waveforms is None:
                continue
            whole_band = _at_model_rate(waveforms, rate)
            try:
                extracted = extract(whole_band.mixture, whole_band.enrollment)
            except AudioError as error:  # cut shorter than an encoder takes
                logger.warning("skipped %s: %s", row.mix_id, error)
                continue
            extracted = _checked(extracted, row, whole_band.mixture)
            estimate = _fitted(resampled(extracted, SAMPLE_RATE, rate), len(waveforms.mixture))
            if output is not None:
                write_audio(output / f"{row.mix_id}.wav", estimate, rate)
            text = corpus.by_id[row.target].text
            score = _score(row.mix_id, estimate, waveforms)
            if recognizer is not None:
                score = replace(score, words=_words(recognizer, text, extracted, whole_band))
            pending = None
            if perceptual:
                pending = workers.submit(perceptual_scores, estimate, waveforms.reference, rate)
            waiting.append((score, pending))
            if len(waiting) > _AHEAD:
                results.append(_complete(*waiting.popleft()))
        results += [_complete(*pair) for pair in waiting]
    if not results:
        raise DataError(mixtures.path, "no mixture that can be read", "at least one")
    if scores is not None:
        write_mixture_scores(scores, results)
    return {
        **figures(results),
        "pesq_failures": failures(result.pesq for result in results) if pesq_installed() else None,
        "stoi_failures": failures(result.stoi for result in results),
        "skipped_mixtures": len(rows) - len(results),
        "sample_rate_hz": rate,
        "by_group": _by_group(rows, results, corpus),
    }


def _rendered(
    rows: Sequence[MixtureRow], corpus: Corpus, readers: ThreadPoolExecutor
) -> Iterator[tuple[MixtureRow, RenderedMixture | None]]:
    """Rows with their waveforms, a few read ahead; None where a recording cannot be read."""
    ahead: deque[tuple[MixtureRow, Future[RenderedMixture]]] = deque()
    coming = iter(rows)
    while True:
        while len(ahead) < _AHEAD and (row := next(coming, None)) is not None:
            ahead.append((row, readers.submit(render, row, corpus)))
        if not ahead:
            return
        row, pending = ahead.popleft()
        try:
            waveforms = pending.result()
        except AudioError as error:
            logger.warning("skipped %s: %s", row.mix_id, error)
            yield row, None
            continue
        yield row, waveforms


def _at_model_rate(waveforms: RenderedMixture, rate: Hertz) -> RenderedMixture:
    """The waveforms as they are read from files of their rate."""
    if rate == SAMPLE_RATE:
        return waveforms
    mixture, reference, interference, enrollment = (
        resampled(waveform, rate, SAMPLE_RATE) for waveform in waveforms[:4]
    )
    return RenderedMixture(mixture, reference, interference, enrollment, waveforms.target_whole)


def _fitted(waveform: np.ndarray, length: Samples) -> np.ndarray:
    """`waveform` at the length that it had before it was resampled, up to rounding."""
    return np.pad(waveform[:length], (0, max(0, length - len(waveform))))


def _checked(estimate: np.ndarray, row: MixtureRow, mixture: np.ndarray) -> np.ndarray:
    estimate = np.asarray(estimate, dtype=np.float32)
    expected = f"finite samples, shape {mixture.shape} as the mixture"
    if estimate.shape != mixture.shape:
        raise JointError(f"extract, {row.mix_id}", f"an array of shape {estimate.shape}", expected)
    if not np.isfinite(estimate).all():
        raise JointError(f"extract, {row.mix_id}", "NaN or infinite samples", expected)
    return estimate


def _score(mix_id: str, estimate: np.ndarray, waveforms: RenderedMixture) -> MixtureScore:
    own, others = waveforms.reference, waveforms.interferers
    estimates = np.stack([estimate, waveforms.mixture, *[estimate] * len(others)])
    ratios = si_sdr_db(torch.from_numpy(estimates), torch.from_numpy(np.stack([own, own, *others])))
    estimated, before, other = ratios[0], ratios[1], ratios[2:].max()
    return MixtureScore(
        mix_id,
        si_sdr_db=float(estimated),
        si_sdr_mixture_db=float(before),
        si_sdr_interferer_db=float(other),
        pesq=None,
        stoi=None,
        words=None,
        target_whole=waveforms.target_whole,
    )


def _words(
    recognizer: Recognizer, text: str, estimate: np.ndarray, waveforms: RenderedMixture
) -> Words:
    hypothesis = recognizer.transcribe(estimate)
    return Words(
        extracted=word_errors(text, hypothesis),
        mixture=word_errors(text, recognizer.transcribe(waveforms.mixture)),
        reference=word_errors(text, recognizer.transcribe(waveforms.reference)),
        text=hypothesis,
    )


def _complete(score: MixtureScore, pending: Future[Perceptual] | None) -> MixtureScore:
    return score if pending is None else replace(score, **pending.result()._asdict())


def _by_group(
    rows: Sequence[MixtureRow], results: Sequence[MixtureScore], corpus: Corpus
) -> dict[str, Any]:
    utterances, named = corpus.by_id, {row.mix_id: row for row in rows}
    memberships = []
    for result in results:
        row = named[result.mix_id]
        target, other = utterances[row.target], utterances[row.interferer]
        pairs: tuple[str | None, ...] = ()
        if row.second_interferer is None:
            pairs = gender_pair(target, other), gender_relation(target, other)
        memberships.append((*pairs, target.age_group, WHOLE if result.target_whole else CUT))
    groups = positions_by_group(memberships)
    return {name: figures([results[i] for i in positions]) for name, positions in groups.items()}
