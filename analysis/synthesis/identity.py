"""What of a speaker's identity survives synthesis: distances within and between speakers."""

from collections.abc import Sequence

import numpy as np

from analysis.drift import linear_cka
from analysis.geometry import geometry
from analysis.probing.findings import decompose, tensor
from analysis.probing.folds import disjoint_folds
from analysis.probing.linear import linear_answers
from analysis.synthesis.voices import NATURAL, Speech


def identity(speech: Speech, encoder: str) -> dict[str, dict[str, float]]:
    """A row of figures for the natural recordings and for each system (the questions of
    Stan and O'Mahony, "An analysis on the effects of speaker embedding choice in non
    auto-regressive TTS", SSW 2023).

    `within` and `between` are mean cosines of two recordings of one voice, and of two voices;
    `d_prime` and `dimensions` as in `geometry`; `own` and `other` are the mean cosines with the
    natural enrolment of the voice's person and with those of others; `identified_percent` is how
    often the own enrolment is the nearest. `cka` is the similarity of the voices' geometry to
    that of the natural voices (linear CKA of the voices' means). `told_apart_percent` is the
    balanced accuracy of a linear probe, on unseen people, that tells a system's embeddings from
    natural ones: 50 where nothing betrays it.
    """
    enrolled = speech.enrolments(encoder)
    natural = speech.embeddings(NATURAL, encoder)
    found: dict[str, dict[str, float]] = {}
    speakers = [speech.voices[number].speaker for number in speech.owner]
    for system in speech.measured:
        made = speech.embeddings(system, encoder)
        spread = geometry(made, speakers)
        cosines = made @ enrolled.T
        own = cosines[np.arange(len(made)), speech.owner]
        others = cosines.sum(axis=1) - own
        found[system] = {
            **{name: spread[name] for name in ("within", "between", "d_prime", "dimensions")},
            "own": float(own.mean()),
            "other": float(others.mean() / (len(enrolled) - 1)),
            "identified_percent": 100.0 * float((cosines.argmax(axis=1) == speech.owner).mean()),
        }
        if system != NATURAL:
            found[system] |= {
                "cka": linear_cka(voice_means(natural, speech), voice_means(made, speech)),
                "told_apart_percent": told_apart(natural, made, speakers),
            }
    return found


def voice_means(embeddings: np.ndarray, speech: Speech) -> np.ndarray:
    """The mean of each voice's rows of `(n, E)`: `(N, E)`."""
    numbers = range(len(speech.voices))
    return np.stack([embeddings[speech.owner == number].mean(axis=0) for number in numbers])


def told_apart(natural: np.ndarray, made: np.ndarray, speakers: Sequence[str]) -> float:
    """Balanced accuracy in percent of a linear probe for `natural (n, E)` against `made (n, E)`,
    rows of the same `speakers`; it is tested on people that it was not trained on."""
    both = np.concatenate([natural, made])
    answers = np.repeat(np.eye(2), len(natural), axis=0)
    folds = disjoint_folds([*speakers, *speakers])
    spectra = {"embedding": decompose(both, folds)}
    scores = linear_answers(spectra, folds, tensor(answers), "classes")["embedding"].numpy()
    right = scores.argmax(axis=1) == answers.argmax(axis=1)
    # both parts are equally many, so that plain and balanced accuracy agree
    return 100.0 * float(right.mean())
