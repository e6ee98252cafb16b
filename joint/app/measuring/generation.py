"""Voices drawn from densities: how new, how different, and whether they are what was asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from analysis.probing.voices import agreement_percent, probed_attributes
from joint.app.api import SpeakerModel
from joint.app.cli.evaluate.figures import SYSTEMS
from joint.errors import DataError
from joint.seeding import seed_for
from joint.synthesis.evaluation.instruments import Embed
from joint.synthesis.finishing.marking import write_synthetic
from joint.task import Enrollment
from joint.text.reading import Sentence, read_aloud
from joint.training.progress import shown
from joint.units import SAMPLE_RATE
from tasks.generation.distances import nearest, real_figures, voice_figures
from tasks.generation.files import Stored
from tasks.generation.speakers import Levels, Speaker, group_of, log_hertz
from tasks.generation.vocabulary import PITCH, RATE, Attributes

UNKNOWN, TRAINING = "real, unknown", "real, training"
"""The systems that are no densities: real speakers."""
TEXT = "The north wind and the sun were disputing which of them was the stronger."
QUIET = 0.05
"""Frames below this share of the loudest frame's level are pauses."""


@dataclass(frozen=True)
class Spoken:
    """How voices are made to speak: `count` of each system, judged by `embed`; `output` is a folder
    for the files, or None."""

    count: int
    embed: Embed
    vocoder: str | None = None
    output: Path | None = None


def evaluate_voices(
    model: SpeakerModel,
    densities: Mapping[str, Stored],
    speakers: Sequence[Speaker],
    unknown: Sequence[Speaker],
    count: int,
    seed: int = 0,
    spoken: Spoken | None = None,
) -> dict[str, Any]:
    """Figures of `count` voices of each density, beside those of real speakers: see `real_figures`
    and `voice_figures`, and `agreement_percent` of what was asked for with what probes find.

    What is asked for is a part of what is known of a training speaker drawn at random. The probes
    are trained on `speakers`, those of the densities; on the `unknown` speakers, of whom everything
    is asked for, they show what can be found at all. With `spoken`, some voices of each system
    speak a sentence.

    Raises DataError where there are too few speakers.
    """
    levels = Levels.of(speakers)
    training, others = (np.stack([s.typical for s in part]) for part in (speakers, unknown))
    real = real_figures(speakers, unknown)
    across, within = (
        real[f"within_speaker_{which}"] for which in ("across_sessions", "within_session")
    )
    same = across if np.isfinite(across) else within
    systems: dict[str, tuple[np.ndarray, list[Attributes]]] = {
        UNKNOWN: (others, [levels.attributes(s) for s in unknown]),
    }
    for name, stored in densities.items():
        systems[name] = _drawn(stored, speakers, count, seed)
    table: dict[str, dict[str, float]] = {}
    for name, (voices, asked) in systems.items():
        found = agreement_percent(asked, probed_attributes(speakers, levels, voices))
        table[name] = {
            **voice_figures(voices, training, same, model.threshold),
            **{f"found_{attribute}_percent": value for attribute, value in found.items()},
        }
    if spoken is not None:
        systems[TRAINING] = (training, [levels.attributes(s) for s in speakers])
        for name, figures in _spoken(model, systems, speakers, levels, spoken, seed).items():
            table.setdefault(name, {}).update(figures)
    return {
        "voices": count,
        "training_speakers": len(speakers),
        "unknown_speakers": len(unknown),
        **real,
        SYSTEMS: table,
    }


def _drawn(
    stored: Stored, speakers: Sequence[Speaker], count: int, seed: int
) -> tuple[np.ndarray, list[Attributes]]:
    """`count` voices, and the attributes that were asked for in each."""
    density, rng = stored.density, np.random.default_rng(seed_for(seed, "asked"))
    vocabulary = density.vocabulary
    asked = []
    for row in rng.integers(len(speakers), size=count):
        known = stored.levels.attributes(speakers[row])
        sayable = {n: v for n, v in known.items() if v in vocabulary.values.get(n, ())}
        asked.append(vocabulary.described(sayable, rng))
    return density.sample(asked, seed), [description.attributes for description in asked]


def _spoken(
    model: SpeakerModel,
    systems: Mapping[str, tuple[np.ndarray, list[Attributes]]],
    speakers: Sequence[Speaker],
    levels: Levels,
    spoken: Spoken,
    seed: int,
) -> dict[str, dict[str, float]]:
    """Of the speech of each system's first voices: distances by the judge, measured pitch and rate
    against what was asked for, and what the probes find in it."""
    sentences = read_aloud(TEXT)
    embedded, asked_of, measured, probed = {}, {}, {}, {}
    for name, (voices, asked) in systems.items():
        # spread, for real speakers are in the order of their corpora
        rows = np.unique(np.linspace(0, len(voices) - 1, spoken.count).astype(int))
        speech = []
        for row in shown(rows, f"speaking: {name}", True):
            person = Enrollment.kept(voices[row])
            waveform = model.synthesize(sentences, person, vocoder=spoken.vocoder, seed=seed)
            speech.append(waveform)
            if spoken.output is not None:
                write_synthetic(spoken.output / name / f"{row:04}.wav", waveform)
        embedded[name] = spoken.embed(speech)
        asked_of[name] = [asked[row] for row in rows]
        measured[name] = [(log_hertz(w), _phones_a_second(w, sentences)) for w in speech]
        probed[name] = probed_attributes(speakers, levels, model.embed(speech))
    # synthetic speech has another rate than natural speech, measured in another way
    middle = float(np.median([rate for rows in measured.values() for _, rate in rows]))
    table = {}
    for name, asked in asked_of.items():
        found = [
            _measured(values, own, levels, middle)
            for values, own in zip(measured[name], asked, strict=True)
        ]
        agree, probes = agreement_percent(asked, found), agreement_percent(asked, probed[name])
        reference = None if name == TRAINING else embedded[TRAINING]
        table[name] = {
            "spoken_to_nearest": float(np.median(nearest(embedded[name], reference))),
            "spoken_to_each_other": float(np.median(nearest(embedded[name]))),
            **{f"spoken_measured_{n}_percent": agree[n] for n in (PITCH, RATE) if n in agree},
            **{f"spoken_found_{n}_percent": value for n, value in probes.items()},
        }
    return table


def _measured(
    values: tuple[float, float], asked: Attributes, levels: Levels, middle: float
) -> dict[str, str]:
    """Low or high, within the group that was asked for, and slow or fast."""
    hertz, rate = values
    found = {RATE: "slow" if rate < middle else "fast"}
    level = levels.pitch.get(group_of(asked), float("nan"))
    if np.isfinite(level) and np.isfinite(hertz):
        found[PITCH] = "low" if hertz < level else "high"
    return found


def _phones_a_second(waveform: np.ndarray, sentences: Sequence[Sentence]) -> float:
    """Phones of the text by the time in which there is sound."""
    size = SAMPLE_RATE // 50
    frames = waveform[: len(waveform) // size * size].reshape(-1, size)
    level = np.sqrt((frames.astype(np.float64) ** 2).mean(axis=1))
    if not level.size or not level.max() > 0:
        raise DataError("speech", "silence", "a voice")
    seconds = float((level > QUIET * level.max()).sum()) * size / SAMPLE_RATE
    return sum(phone != "SIL" for s in sentences for phone in s.phones) / seconds
