"""Evaluation of speaker verification on a list of trials: scores, error rates, groups."""

import csv
from pathlib import Path
from typing import Any

import numpy as np

from joint.data.corpus import Corpus
from joint.data.grouping import pairs_by_value
from joint.files import atomic_path
from joint.metrics.detection import ErrorRates, cllr, error_rates, min_cllr
from tasks.verification.embedding import Embed, EmbeddedFiles, embed_corpus
from tasks.verification.scorer import Scorer
from tasks.verification.trials import Trials

SCORES_HEADER = ("label", "utt1", "utt2", "score")


def evaluate_verification(
    embed: Embed,
    corpus: Corpus,
    trials: Trials,
    scores: Path | None = None,
    progress: bool = True,
    scorer: Scorer | None = None,
) -> dict[str, Any]:
    """Figures of an encoder on a list of trials, with cosine scores or with `scorer`.

    `embed` maps waveforms `(S,)`, float32 at 16 kHz, to embeddings `(n, E)`; each utterance is
    embedded once. `scores` is a CSV to write, one row for each trial. Trials with a recording that
    cannot be read are left out and counted. Raises DataError for utterances not in the corpus.

    Cllr is None unless the scores are calibrated. `by_group` has the pairs of gender and of age
    group, each with its error rates at the EER threshold of all trials and its own EER, which is
    None for a group without target trials.
    """
    trials.check(corpus)
    embedded = embed_corpus(embed, corpus, trials.names, progress)
    figures, kept, values = evaluate_embedded(embedded, corpus, trials, scorer)
    if scores is not None:
        write_scores(scores, kept, values)
    return figures


def evaluate_embedded(
    embedded: EmbeddedFiles, corpus: Corpus, trials: Trials, scorer: Scorer | None = None
) -> tuple[dict[str, Any], Trials, np.ndarray]:
    """The figures of `evaluate_verification`, the trials whose recordings could be read, and the
    scores `(T,)` of these."""
    rows = embedded.rows()
    kept = trials.keep(trials.present(rows))
    scorer = scorer or Scorer()
    values = scorer(embedded, *kept.positions(rows))
    rates = error_rates(values, kept.labels)
    overall = rates.eer()
    people = [corpus.by_id[name] for name in kept.names]
    groups = {
        **pairs_by_value([person.gender for person in people], kept.first, kept.second),
        **pairs_by_value([person.age_group for person in people], kept.first, kept.second),
    }
    figures = {
        **_figures(values, kept.labels, rates),
        "cllr": cllr(values, kept.labels) if scorer.calibration else None,
        "min_cllr": min_cllr(values, kept.labels),
        "threshold_at_eer": overall.threshold,
        "utterances": len(embedded.names),
        "skipped_utterances": len(embedded.skipped),
        "skipped_trials": len(trials) - len(kept),
        "by_group": {
            name: {
                **_figures(values[positions], kept.labels[positions]),
                **_errors_at(overall.threshold, values[positions], kept.labels[positions]),
            }
            for name, positions in sorted(groups.items())
        },
    }
    return figures, kept, values


def write_scores(path: Path, trials: Trials, scores: np.ndarray) -> None:
    """Write `label,utt1,utt2,score` rows; raises JointError where the file cannot be written."""
    names = trials.names
    rows = zip(trials.labels.astype(int), trials.first, trials.second, scores, strict=True)
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(SCORES_HEADER)
        writer.writerows((label, names[a], names[b], f"{score:.6f}") for label, a, b, score in rows)


def _figures(
    scores: np.ndarray, labels: np.ndarray, rates: ErrorRates | None = None
) -> dict[str, Any]:
    if rates is None and labels.any() and not labels.all():
        rates = error_rates(scores, labels)
    return {
        "eer_percent": rates.eer().percent if rates else None,
        "min_dcf_p01": rates.min_dcf(p_target=0.01) if rates else None,
        "min_dcf_p05": rates.min_dcf(p_target=0.05) if rates else None,
        "trials": len(labels),
        "target_trials": int(labels.sum()),
    }


def _errors_at(threshold: float, scores: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    accepted = scores >= threshold
    false_alarms, misses = accepted[~labels], ~accepted[labels]
    return {
        "false_alarm_percent": 100 * float(false_alarms.mean()) if false_alarms.size else None,
        "miss_percent": 100 * float(misses.mean()) if misses.size else None,
    }
