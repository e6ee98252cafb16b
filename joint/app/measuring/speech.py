"""What `joint evaluate vocoder`, `synthesis` and `conversion` have in common."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from joint.app.api import SpeakerModel
from joint.app.measuring.cascade import kept_words
from joint.app.measuring.judging import open_judge
from joint.app.shared.vocoders import VOCODER
from joint.data.corpus import Corpus
from joint.data.opening import open_corpus
from joint.data.speech_pairs import SpeechPair, SpeechPairs
from joint.metrics.perceptual import pesq_installed
from joint.metrics.recognizers import load_recognizer
from joint.metrics.speech.dnsmos import Dnsmos, speechmos_folder
from joint.metrics.speech.pitch import praat_installed, praat_pitch
from joint.synthesis.evaluation.copies import Copy
from joint.synthesis.evaluation.instruments import JUDGE, SHARED, Embed, Instruments, Recognise
from joint.synthesis.pitch import estimate_pitch
from tasks.recognition.conversations.cascades import plain_words
from tasks.recognition.conversations.kept import KeptWords
from tasks.synthesis.evaluate import Speak

logger = logging.getLogger(__name__)


def read_pairs(
    data: Path, sentences: Path, same_speaker: bool | None, limit: int | None
) -> tuple[Corpus, Sequence[SpeechPair]]:
    """The corpus and the first `limit` rows of a list. Raises DataError where they do not fit."""
    listed = SpeechPairs.load(sentences)
    corpus = open_corpus(data)
    listed.check(corpus, same_speaker)
    return corpus, listed.rows[:limit]


WITHOUT = Path("none")
"""In place of a folder with the networks of DNSMOS."""


def instruments_of(
    model: SpeakerModel,
    judge: str | None = None,
    recognizer: str | None = None,
    kept: Path | None = None,
    dnsmos: Path | None = None,
    copies: bool = True,
) -> Instruments:
    """The instruments that the options ask for; one line says what is not installed.

    `dnsmos` is a folder with its networks, by default that of the package `speechmos`, WITHOUT for
    none; `copies` says whether PESQ is asked for.
    """
    encoders: dict[str, Embed] = {SHARED: model.embed_waveforms}
    if judge is not None:
        encoders[JUDGE] = open_judge(judge, str(model.device))
    recognise = recognise_by(recognizer, kept) if recognizer is not None else None
    folder = speechmos_folder() if dnsmos is None else dnsmos
    if folder == WITHOUT:
        folder = None
    elif folder is None:
        logger.warning("the package speechmos is not installed: no DNSMOS (pip install speechmos)")
    if copies and not pesq_installed():
        logger.warning("the package pesq is not installed: no PESQ (pip install pesq)")
    if not praat_installed():
        logger.warning("the package praat-parselmouth is not installed: pitch by our estimator")
    return Instruments(
        encoders,
        recognise,
        praat_pitch if praat_installed() else own_pitch,
        None if folder is None else Dnsmos(folder),
    )


def recognise_by(specification: str, kept: Path | None = None) -> Recognise:
    """The recogniser of a `specification`; with `kept`, what it recognised is kept in that folder,
    and read from there by a later run. Raises JointError."""
    recognise = plain_words(load_recognizer(specification))
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        recognise = KeptWords(recognise, kept_words(kept, specification))
    return lambda waveform: " ".join(recognise(waveform))


def copier(model: SpeakerModel, vocoder: str | None = None) -> Copy:
    """Copy synthesis by the vocoder that `model.vocoder` gives. Raises CheckpointError."""
    return copying(model.vocoder(vocoder).copy_of, model.device)


def voice_copier(model: SpeakerModel, vocoder: str | None = None) -> Copy | None:
    """As `copier`; None where the synthesis makes waveforms itself and there is no vocoder."""
    if model.speaks_waveforms and vocoder is None and VOCODER not in model.model.tasks:
        return None
    return copier(model, vocoder)


def speaker(
    model: SpeakerModel,
    vocoder: str | None = None,
    steps: int | None = None,
    temperature: float | None = None,
    top_p: float | None = None,
) -> Speak:
    """What speaks the texts of a list, by the `vocoder` where it makes no waveforms itself; the
    words of an enrolment are for a synthesis that goes on from it alone."""
    goes_on = model.reads_prompts
    by = None if model.speaks_waveforms else vocoder

    def speak(text: str, reference: np.ndarray, words: str) -> np.ndarray:
        return model.synthesize(
            text,
            reference,
            steps=steps,
            vocoder=by,
            enrollment_text=words if goes_on else None,
            temperature=temperature,
            top_p=top_p,
        )

    return speak


def copying(network: Callable[[Tensor], Tensor], device: torch.device) -> Copy:
    """What copies arrays `(S,)` by a `network` of tensors that lies on the device."""

    def copy(recording: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            copied = network(torch.from_numpy(recording).to(device))
        return copied.float().cpu().numpy()

    return copy


def own_pitch(waveform: np.ndarray) -> np.ndarray:
    """Hertz in each frame by `joint.synthesis.pitch`, 0 where it is not voiced."""
    found = estimate_pitch(torch.from_numpy(waveform)[None])
    hertz: np.ndarray = (found.log_hertz.exp() * found.voiced)[0].double().numpy()
    return hertz
