"""Evaluation of text to speech in the voices of enrolled speakers."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from joint.data.corpus import Corpus
from joint.data.grouping import positions_by_group
from joint.data.speech_pairs import SpeechPair
from joint.synthesis.evaluation.figures import (
    known_mean,
    register_error,
    system_figures,
    wer_percent,
)
from joint.synthesis.evaluation.instruments import Compared, Instruments
from joint.synthesis.evaluation.similarity import Similarity, cosines, gap_percent, similarity
from joint.synthesis.evaluation.systems import NATURAL, Evaluation, System, evaluate_systems

COPY, SYNTHETIC = "copy synthesis", "synthetic"

Speak = Callable[[str, np.ndarray, str], np.ndarray]
"""A text, the recording `(S,)` that enrols a voice, and the words of that, to speech `(S',)`,
float32 at 16 kHz."""

Copy = Callable[[np.ndarray], np.ndarray]
"""A recording `(S,)` to its copy by the vocoder, `(S,)`."""


def evaluate_synthesis(
    speak: Speak,
    copy: Copy | None,
    corpus: Corpus,
    rows: Sequence[SpeechPair],
    instruments: Instruments,
    output: Path | None = None,
    played: int = 0,
    progress: bool = True,
) -> tuple[dict[str, Any], Evaluation]:
    """Figures of `speak` on the texts of `rows` in the voices of their references, beside the
    natural recordings and their copies; see `evaluate_systems`.

    For each encoder `similarity_own` is the mean cosine with the reference, `similarity_source`
    that with the natural source, `similarity_other` that with the references of all other speakers
    of the list, and `nearer_to_own_percent` the share of sentences whose cosine with the reference
    is above that with the others, on average. The gap is own minus other, and `gap_percent` that of
    the natural recordings is 100; `gap_same_gender_percent` compares with others of the speaker's
    gender alone.
    """
    systems = {}
    if copy is not None:
        systems[COPY] = System(lambda row, source, reference: copy(source), Compared.WAVEFORM)
    systems[SYNTHETIC] = System(
        lambda row, source, reference: speak(row.text, reference, corpus.by_id[row.reference].text)
    )
    found = evaluate_systems(systems, corpus, rows, instruments, output, played, progress)
    figures: dict[str, Any] = {
        "sentences": len(found.rows),
        "skipped_sentences": len(found.skipped),
        **_durations(found),
        "by_system": {name: _system(found, name, corpus, instruments) for name in found.measured},
        "by_group": _by_group(found, corpus, instruments),
    }
    return figures, found


def _durations(found: Evaluation) -> dict[str, float]:
    made, natural = found.measured[SYNTHETIC], found.measured[NATURAL]
    ratios = np.array([m.seconds / n.seconds for m, n in zip(made, natural, strict=True)])
    return {
        "duration_ratio": float(ratios.mean()),
        "duration_error_percent": float(100.0 * np.abs(ratios - 1.0).mean()),
    }


def _system(
    found: Evaluation, name: str, corpus: Corpus, instruments: Instruments
) -> dict[str, Any]:
    measured, natural = found.measured[name], found.measured[NATURAL]
    figures = system_figures(measured)
    figures["f0_register_error_semitones"] = register_error(measured, found.references)
    for encoder in instruments.encoders:
        own, bound = (_similarity(found, n, corpus, encoder) for n in (name, NATURAL))
        alike, bound_alike = (_similarity(found, n, corpus, encoder, True) for n in (name, NATURAL))
        figures |= {
            f"{encoder}_similarity_own": known_mean(own.own),
            f"{encoder}_similarity_source": known_mean(cosines(measured, natural, encoder)),
            f"{encoder}_similarity_other": known_mean(own.other),
            f"{encoder}_nearer_to_own_percent": own.nearer_to_own_percent,
            f"{encoder}_gap_percent": gap_percent(own, bound),
            f"{encoder}_gap_same_gender_percent": gap_percent(alike, bound_alike),
        }
    if name in found.timings:
        figures["real_time_factor"] = found.timings[name].real_time_factor
    return figures


def _similarity(
    found: Evaluation, name: str, corpus: Corpus, encoder: str, one_gender: bool = False
) -> Similarity:
    people = [corpus.by_id[row.reference] for row in found.rows]
    groups = [person.gender for person in people] if one_gender else None
    speakers = [person.speaker for person in people]
    return similarity(found.measured[name], found.references, speakers, encoder, groups)


def _by_group(
    found: Evaluation, corpus: Corpus, instruments: Instruments
) -> dict[str, dict[str, Any]]:
    """Word error rates and similarities of the synthetic speech by gender and by age group."""
    people = [corpus.by_id[row.reference] for row in found.rows]
    groups = positions_by_group((person.gender, person.age_group) for person in people)
    own = {
        (encoder, name): _similarity(found, name, corpus, encoder)
        for encoder in instruments.encoders
        for name in (NATURAL, SYNTHETIC)
    }
    table: dict[str, dict[str, Any]] = {}
    for group, places in groups.items():
        table[group] = {"sentences": len(places)}
        for name in (NATURAL, SYNTHETIC):
            chosen = [found.measured[name][place] for place in places]
            table[group][f"wer_{name}_percent"] = wer_percent(m.words for m in chosen)
        for encoder in instruments.encoders:
            made, natural = (
                Similarity(s.own[places], s.other[places])
                for s in (own[encoder, SYNTHETIC], own[encoder, NATURAL])
            )
            table[group][f"{encoder}_gap_percent"] = gap_percent(made, natural)
    return table
