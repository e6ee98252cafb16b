"""How verification holds up where recordings are not as in training: zeros, gates, narrow bands,
codecs, noise."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.random import Generator, default_rng

from joint.data.corpus import Corpus, readable
from joint.data.scenes.augmentation import through_channel
from joint.data.scenes.distortions.bandwidth import BandLimit, Telephone
from joint.data.scenes.distortions.codecs import coded
from joint.data.scenes.distortions.gaps import Dropouts, NoiseGate
from joint.data.scenes.distortions.levels import Clipping, Hum
from joint.data.scenes.rendering import gain_for_snr
from joint.directions import unit
from joint.metrics.detection import error_rates
from joint.units import SAMPLE_RATE, Decibels, Seconds
from tasks.verification.embedding import Embed
from tasks.verification.trials import Trials

Treatment = Callable[[np.ndarray, Generator], np.ndarray]
"""What is done to a recording `(S,)`; its length may change."""

RECORDED = "as recorded"
UTTERANCES = 400
BATCH = 32
"""Recordings that are treated and embedded at once."""


def zeros(before: Seconds, after: Seconds) -> Treatment:
    """Digital silence before and after."""
    pad = round(before * SAMPLE_RATE), round(after * SAMPLE_RATE)
    return lambda waveform, _: np.pad(waveform, pad)


def white_noise(snr_db: Decibels) -> Treatment:
    """Gaussian noise, so far below the recording."""

    def noisy(waveform: np.ndarray, rng: Generator) -> np.ndarray:
        noise = rng.standard_normal(len(waveform), dtype=np.float32)
        return waveform + noise * np.float32(gain_for_snr(waveform, noise, snr_db))

    return noisy


CONDITIONS: Mapping[str, Treatment] = {
    RECORDED: lambda waveform, _: waveform,
    "zeros 0.25 s before": zeros(0.25, 0.0),
    "zeros 2 s after": zeros(0.0, 2.0),
    "noise gate -45 dB": NoiseGate(1.0, (-45.0, -45.0), (0.01, 0.01)),
    "dropouts": Dropouts(1.0),
    "8 kHz": BandLimit(1.0, (4000.0, 4000.0)),
    "11 kHz": BandLimit(1.0, (5512.0, 5512.0)),
    "telephone": Telephone(1.0, (300.0, 300.0), (3400.0, 3400.0)),
    "GSM": lambda waveform, _: coded(waveform, "gsm"),
    "MP3, low rate": lambda waveform, _: coded(waveform, "mp3", 0.95),
    "Opus, low rate": lambda waveform, _: coded(waveform, "opus", 0.95),
    "white noise 15 dB": white_noise(15.0),
    "hum 10 dB": Hum(1.0, (10.0, 10.0)),
    "clipped 5 %": Clipping(1.0, (0.05, 0.05)),
    "40 dB quieter": lambda waveform, _: 0.01 * waveform,
    "another microphone": lambda waveform, rng: through_channel(waveform, int(rng.integers(2**31))),
}
"""What is done to each recording of one or of both sides, by name."""


@dataclass(frozen=True)
class ConditionScores:
    """Cosines `(T,)` of the trials where the second side, or both sides, were treated."""

    name: str
    one_side: np.ndarray
    both_sides: np.ndarray


def condition_scores(
    embed: Embed,
    corpus: Corpus,
    trials: Trials,
    conditions: Mapping[str, Treatment] = CONDITIONS,
    utterances: int = UTTERANCES,
    seed: int = 7,
) -> tuple[np.ndarray, Iterator[ConditionScores]]:
    """Labels `(T,)` and, for each of `conditions`, the scores.

    Of the trials' recordings `utterances` are drawn from `seed`, and the trials among them are
    scored. What a condition draws is a function of seed and recording. Recordings that cannot be
    read are left out, with their trials. Raises DataError for utterances not in the corpus.
    """
    trials.check(corpus)
    drawn = sorted(default_rng(seed).permutation(trials.names)[:utterances].tolist())

    def embedded(names: Sequence[str], treat: Treatment) -> tuple[list[str], np.ndarray]:
        read, found = [], []
        for start in range(0, len(names), BATCH):
            treated = []
            for utterance, waveform in readable(corpus.by_id[n] for n in names[start:][:BATCH]):
                rng = default_rng((seed, crc32(utterance.id.encode())))
                treated.append(treat(waveform, rng).astype(np.float32))
                read.append(utterance.id)
            found += [embed(treated)] if treated else []
        return read, unit(np.concatenate(found)) if found else np.zeros((0, 1))

    names, plain = embedded(drawn, CONDITIONS[RECORDED])
    rows = {name: row for row, name in enumerate(names)}
    kept = trials.keep(trials.present(rows))
    first, second = kept.positions(rows)

    def scored() -> Iterator[ConditionScores]:
        for name, treat in conditions.items():
            other = plain if name == RECORDED else embedded(names, treat)[1]
            one = np.einsum("te,te->t", plain[first], other[second])
            both = np.einsum("te,te->t", other[first], other[second])
            yield ConditionScores(name, one, both)

    return kept.labels, scored()


def errors(scores: np.ndarray, labels: np.ndarray, threshold: float) -> dict[str, float]:
    """EER, and misses and false alarms of accepting `score >= threshold`."""
    return {
        "eer_percent": error_rates(scores, labels).eer().percent,
        "miss_percent": 100.0 * float((scores[labels] < threshold).mean()),
        "false_alarm_percent": 100.0 * float((scores[~labels] >= threshold).mean()),
    }


def evaluate_conditions(
    embed: Embed,
    corpus: Corpus,
    trials: Trials,
    threshold: float | None = None,
    names: Iterable[str] = tuple(CONDITIONS),
    utterances: int = UTTERANCES,
) -> Iterator[tuple[str, dict[str, float]]]:
    """For each condition its name and the figures of `errors`, `one_side_…` and `both_sides_…`
    treated, at the threshold of a user: the checkpoint's, or, where None, that of equal error rates
    as recorded. See `condition_scores`."""
    asked = list(names)
    conditions = {name: CONDITIONS[name] for name in (RECORDED, *asked)}
    labels, found = condition_scores(embed, corpus, trials, conditions, utterances)
    for scores in found:
        if threshold is None:
            threshold = error_rates(scores.one_side, labels).eer().threshold
        if scores.name not in asked:
            continue
        sides = {"one_side": scores.one_side, "both_sides": scores.both_sides}
        yield (
            scores.name,
            {
                f"{side}_{key}": value
                for side, values in sides.items()
                for key, value in errors(values, labels, threshold).items()
            },
        )


def balanced_threshold(judged: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    """The threshold at which misses and false alarms are equal on average over several sets of
    scores `(T,)` with their labels `(T,)`, each set counting alike."""
    grid = np.unique(np.concatenate([scores for scores, _ in judged]))
    misses, alarms = np.zeros(len(grid)), np.zeros(len(grid))
    for scores, labels in judged:
        targets, others = np.sort(scores[labels]), np.sort(scores[~labels])
        misses += np.searchsorted(targets, grid) / len(targets)
        alarms += 1.0 - np.searchsorted(others, grid) / len(others)
    return float(grid[np.argmin(np.abs(misses - alarms))])
