"""Figures of the speech that a run of a grid makes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from analysis.synthesis.voices import Make
from joint.app.api import SpeakerModel
from joint.app.checkpoints import checkpoint_file
from joint.app.manner import GRIFFIN_LIM
from joint.app.measuring.judging import open_judge
from joint.app.measuring.speech import (
    instruments_of,
    own_pitch,
    read_pairs,
    speaker,
)
from joint.app.shared.vocoders import VOCODER
from joint.data.opening import find_list
from joint.data.speech_pairs import CONVERSIONS, SENTENCES
from joint.errors import CheckpointError, DataError
from joint.experiments.speech import SpeechConfig
from joint.metrics.speech.pitch import praat_installed, praat_pitch
from joint.synthesis.evaluation.instruments import JUDGE, SHARED, Embed, Instruments
from joint.synthesis.evaluation.systems import NATURAL
from pretrained.resemblyzer_package import PACKAGE
from tasks.conversion.evaluate import CONVERTED, evaluate_conversion
from tasks.synthesis.evaluate import SYNTHETIC, evaluate_synthesis

VOICES = ("synthesis", "conversion")


def voice_figures(
    model: SpeakerModel, test: str, speech: SpeechConfig, kept: Path, name: str
) -> dict[str, Any]:
    """Figures of the task `name` of VOICES, and of the natural recordings, whose words are
    recognised once and kept in the folder `kept`.

    Raises DataError where the folder, `test` unless the configuration names one, has no list of
    sentences or conversions.
    """
    folder = speech.data or test
    by = speech.vocoder
    if by is None and not own_vocoder(model, speech):
        by = GRIFFIN_LIM
    instruments = instruments_of(model, speech.judge, speech.recognizer, kept, copies=False)

    def convert(source: np.ndarray, reference: np.ndarray) -> np.ndarray:
        return model.convert(source, reference, vocoder=by)

    if name == "conversion":
        listed = _listed(folder, CONVERSIONS)
        corpus, rows = read_pairs(Path(folder), listed, False, speech.sentences)
        found, _ = evaluate_conversion(convert, None, corpus, rows, instruments, progress=False)
        return _named(name, found["by_system"][CONVERTED])
    listed = _listed(folder, SENTENCES)
    corpus, rows = read_pairs(Path(folder), listed, True, speech.sentences)
    speak = speaker(model, by)
    found, _ = evaluate_synthesis(speak, None, corpus, rows, instruments, progress=False)
    systems = found["by_system"]
    return {
        "natural_wer_percent": systems[NATURAL]["wer_percent"],
        "synthesis_duration_ratio": found["duration_ratio"],
        **_named(name, systems[SYNTHETIC]),
    }


def own_vocoder(model: SpeakerModel, speech: SpeechConfig) -> list[str]:
    """The model's task that makes its waveforms, where `speech` names no other vocoder and the
    model has it."""
    return [VOCODER] if speech.vocoder is None and VOCODER in model.model.tasks else []


def files_of(name: str, folder: str, speech: SpeechConfig) -> list[Path | None]:
    """The files that the figures of the task `name` of VOICES depend on: its list in the `folder`,
    None where there is none, and checkpoints of a vocoder and a judge. Raises CheckpointError."""
    others = (speech.vocoder, speech.judge)
    checkpoints = [checkpoint_file(c) for c in others if c not in (None, GRIFFIN_LIM, PACKAGE)]
    return [find_list(folder, CONVERSIONS if name == "conversion" else SENTENCES), *checkpoints]


def makers(
    model: SpeakerModel,
    vocoder: str | None,
    steps: int | None = None,
    temperature: float | None = None,
    top_p: float | None = None,
) -> dict[str, Make]:
    """What the checkpoint's tasks of VOICES make of the sentences of a study, by SYNTHETIC and
    CONVERTED; `top_p` is for synthesis alone. Raises CheckpointError where it has neither."""
    found: dict[str, Make] = {}
    if "synthesis" in model.model.tasks:
        speak = speaker(model, vocoder, steps, temperature, top_p)
        found[SYNTHETIC] = lambda s: speak(s.text, s.reference, s.words)
    if "conversion" in model.model.tasks:
        found[CONVERTED] = lambda s: model.convert(
            s.source, s.reference, steps=steps, vocoder=vocoder, temperature=temperature
        )
    if not found:
        tasks = f"tasks {', '.join(model.model.tasks) or 'none'}"
        raise CheckpointError(model.path, tasks, "one that synthesizes or converts")
    return found


def encoders_of(model: SpeakerModel, judge: str | None) -> Instruments:
    """The checkpoint's encoder, a judge, and pitch alone."""
    encoders: dict[str, Embed] = {SHARED: model.embed_waveforms}
    if judge is not None:
        encoders[JUDGE] = open_judge(judge, str(model.device))
    return Instruments(encoders, pitch=praat_pitch if praat_installed() else own_pitch)


def _listed(folder: str, name: str) -> Path:
    found = find_list(folder, name)
    if found is None:
        raise DataError(folder, f"no list {name!r}", "one that `joint prepare` writes")
    return Path(found)


def _named(task: str, figures: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{task}_{key}": value for key, value in figures.items()}
