"""Evaluation of copy synthesis: recordings through their own log-mel spectrograms and back."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from joint.data.corpus import Corpus
from joint.data.speech_pairs import SpeechPair
from joint.errors import DataError
from joint.synthesis.evaluation.figures import known_mean, system_figures
from joint.synthesis.evaluation.instruments import Compared, Instruments
from joint.synthesis.evaluation.similarity import cosines
from joint.synthesis.evaluation.systems import NATURAL, Evaluation, System, evaluate_systems

Copy = Callable[[np.ndarray], np.ndarray]
"""A recording `(S,)` to its copy `(S,)`, float32 at 16 kHz."""


def evaluate_copies(
    copies: dict[str, Copy],
    corpus: Corpus,
    rows: Sequence[SpeechPair],
    instruments: Instruments,
    output: Path | None = None,
    played: int = 0,
    progress: bool = True,
) -> tuple[dict[str, Any], Evaluation]:
    """Figures of each system of `copies`, such as `copy synthesis`, on the sources of `rows`.

    `similarity_natural` is the mean cosine of copy and original, `similarity_own` that of either
    with the row's reference, another recording of the speaker. See `evaluate_systems`.
    """

    def system(copy: Copy) -> System:
        return System(lambda row, source, reference: copy(source), Compared.WAVEFORM)

    systems = {name: system(copy) for name, copy in copies.items()}
    found = evaluate_systems(systems, corpus, rows, instruments, output, played, progress)
    # a recording stands for its speaker where there is no other one
    others = [i for i, row in enumerate(found.rows) if row.source != row.reference]
    by_system = {}
    for name, measured in found.measured.items():
        figures = system_figures(measured)
        for encoder in instruments.encoders:
            own = cosines(measured, found.references, encoder)[others]
            same = cosines(measured, found.measured[NATURAL], encoder)
            figures[f"{encoder}_similarity_natural"] = known_mean(same)
            figures[f"{encoder}_similarity_own"] = known_mean(own)
        if name in found.timings:
            figures["real_time_factor"] = found.timings[name].real_time_factor
        by_system[name] = figures
    figures = {
        "recordings": len(found.rows),
        "skipped_recordings": len(found.skipped),
        "by_system": by_system,
    }
    return figures, found


def every_recording(corpus: Corpus) -> list[SpeechPair]:
    """Every utterance of a corpus, in order, with the next one of its speaker as reference; itself
    where there is no other. Raises DataError for an id that cannot name a file."""
    rows = []
    for places in corpus.of_speaker:
        for place, following in zip(places, np.roll(places, -1), strict=True):
            source, reference = corpus.utterances[place], corpus.utterances[following]
            if Path(source.id).name != source.id:
                raise DataError(corpus.where, f"the id {source.id!r}", "ids that can name files")
            rows.append(SpeechPair(source.id, source.text, source.id, reference.id))
    return sorted(rows, key=lambda row: row.id)
