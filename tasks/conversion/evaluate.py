"""Evaluation of voice conversion between speakers of a list."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from joint.data.corpus import Corpus, readable
from joint.data.grouping import gender_relation, positions_by_group
from joint.data.speech_pairs import SpeechPair
from joint.synthesis.evaluation.figures import (
    known_mean,
    register_error,
    system_figures,
    wer_percent,
)
from joint.synthesis.evaluation.instruments import Compared, Instruments, Measured
from joint.synthesis.evaluation.similarity import cosines
from joint.synthesis.evaluation.systems import NATURAL, Evaluation, System, evaluate_systems
from joint.units import Seconds

COPY, CONVERTED = "copy synthesis", "converted"

REFERENCE_SECONDS: Seconds = 3.0
"""Least of the other recording of a source's speaker."""

Convert = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""A source `(S,)` and the recording `(S',)` that enrols the target to the source's words in the
target's voice `(S,)`, float32 at 16 kHz."""

Copy = Callable[[np.ndarray], np.ndarray]
"""A recording `(S,)` to its copy by the vocoder, `(S,)`."""


def evaluate_conversion(
    convert: Convert,
    copy: Copy | None,
    corpus: Corpus,
    rows: Sequence[SpeechPair],
    instruments: Instruments,
    output: Path | None = None,
    played: int = 0,
    progress: bool = True,
) -> tuple[dict[str, Any], Evaluation]:
    """Figures of `convert` from the sources of `rows` to the speakers of their references, beside
    the natural sources and their copies; see `evaluate_systems`.

    For each encoder `similarity_target` is the mean cosine with the reference,
    `similarity_source` that with the source, and `nearer_to_target_percent` the share of pairs in
    which the first is greater. The source has the same words and times, which encoders notice too:
    `similarity_source_speaker` and `nearer_to_target_speaker_percent` are the same with another
    recording of its speaker. `same_length_percent` is the share of outputs as long as their
    source. The pitch correlates with that of the source, whose register the
    target need not have.
    """
    systems = {}
    if copy is not None:
        systems[COPY] = System(lambda row, source, reference: copy(source), Compared.WAVEFORM)
    systems[CONVERTED] = System(
        lambda row, source, reference: convert(source, reference), Compared.PITCH
    )
    found = evaluate_systems(systems, corpus, rows, instruments, output, played, progress)
    others = [_another(row, corpus, instruments) for row in found.rows]
    pairs = zip(found.measured[CONVERTED], found.measured[NATURAL], strict=True)
    same = [made.seconds == natural.seconds for made, natural in pairs]
    figures: dict[str, Any] = {
        "pairs": len(found.rows),
        "skipped_pairs": len(found.skipped),
        "same_length_percent": 100.0 * float(np.mean(same)),
        "by_system": {name: _system(found, name, instruments, others) for name in found.measured},
        "by_group": _by_group(found, corpus, instruments),
    }
    return figures, found


def _another(row: SpeechPair, corpus: Corpus, instruments: Instruments) -> Measured:
    """Another recording of the source's speaker, the first that is long enough; the source itself
    where there is none."""
    source = corpus.by_id[row.source]
    own = [u for u in corpus.utterances if u.speaker == source.speaker and u.id != source.id]
    long = [u for u in own if u.seconds >= REFERENCE_SECONDS]
    _, waveform = next(readable([*long, source]))
    return instruments.identity(waveform)


def _system(
    found: Evaluation, name: str, instruments: Instruments, others: Sequence[Measured]
) -> dict[str, Any]:
    measured = found.measured[name]
    figures = system_figures(measured)
    figures["f0_register_error_semitones"] = register_error(measured, found.references)
    if name == CONVERTED:  # another register is what is asked for
        figures |= {"f0_error_cents": None, "f0_gross_error_percent": None}
    for encoder in instruments.encoders:
        target, source = _cosines(found, name, encoder)
        speaker = cosines(measured, others, encoder)
        figures |= {
            f"{encoder}_similarity_target": known_mean(target),
            f"{encoder}_similarity_source": known_mean(source),
            f"{encoder}_similarity_source_speaker": known_mean(speaker),
            f"{encoder}_nearer_to_target_percent": 100.0 * float(np.mean(target > source)),
            f"{encoder}_nearer_to_target_speaker_percent": 100.0 * float(np.mean(target > speaker)),
        }
    if name in found.timings:
        figures["real_time_factor"] = found.timings[name].real_time_factor
    return figures


def _cosines(found: Evaluation, name: str, encoder: str) -> tuple[np.ndarray, np.ndarray]:
    """Of each waveform with its target's reference and with its source, `(n,)`."""
    measured = found.measured[name]
    target = cosines(measured, found.references, encoder)
    return target, cosines(measured, found.measured[NATURAL], encoder)


def _by_group(
    found: Evaluation, corpus: Corpus, instruments: Instruments
) -> dict[str, dict[str, Any]]:
    """Figures of the converted speech by whether source and target are of one gender, and by the
    target's gender and age group."""
    utterances, memberships = corpus.by_id, []
    for row in found.rows:
        source, target = utterances[row.source], utterances[row.reference]
        to_gender = None if target.gender is None else f"to {target.gender}"
        memberships.append((gender_relation(source, target), to_gender, target.age_group))
    nearer = {}
    for encoder in instruments.encoders:
        to_target, to_source = _cosines(found, CONVERTED, encoder)
        nearer[encoder] = 100.0 * (to_target > to_source)
    table = {}
    for group, places in positions_by_group(memberships).items():
        chosen = [found.measured[CONVERTED][place] for place in places]
        table[group] = {
            "pairs": len(places),
            "wer_percent": wer_percent(m.words for m in chosen),
            **{
                f"{encoder}_nearer_to_target_percent": float(shares[places].mean())
                for encoder, shares in nearer.items()
            },
        }
    return table
