"""Two real sentences overfitted: their spectrograms and durations, and, where there is a
recogniser, their words."""

import math
import os
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from tiny_models import encode_with, tiny_encoder
from tiny_synthesis import spoken_batch, synthesis
from torch import Tensor

from joint.data.opening import open_corpus
from joint.metrics.recognizers import FasterWhisper
from joint.metrics.words import normalize_text
from joint.outputs import SpeakerEncoding
from joint.scene import SceneBatch
from joint.synthesis.decoders.regression import RegressionDecoder
from joint.synthesis.examples import Examples, aligned_examples
from joint.synthesis.timing.durations import END_SILENCE, UNTOLD
from joint.synthesis.vocoders.griffin_lim import GriffinLim
from joint.task import ENROLLMENT, Encode, Enrollment
from tasks.synthesis.task import SynthesisTask

SENTENCES = ("THE CUTE ELEPHANT", "HIS EYES WERE ROLLING AROUND")
WHISPER = "JOINT_TEST_WHISPER"
"""An environment variable with a folder of a model for faster-whisper."""


class Learnt(NamedTuple):
    task: SynthesisTask
    batch: SceneBatch
    encode: Encode
    encoding: SpeakerEncoding
    examples: Examples


def learnt(aligned: Path, steps: int, dim: int, stretch: float) -> Learnt:
    """A small task that has seen the two sentences alone, in eval mode."""
    corpus = open_corpus(aligned)
    texts = [u.text for u in corpus.utterances]
    batch = spoken_batch(corpus, [texts.index(text) for text in SENTENCES])
    torch.manual_seed(0)
    decoder = partial(RegressionDecoder, dim=dim, blocks=2, hidden=2 * dim)
    task = synthesis(corpus.phones, decoder, dim=dim, blocks=2, predictor_dim=dim, stretch=stretch)
    task.setup(corpus)
    encode = encode_with(tiny_encoder().eval().requires_grad_(False))
    optimizer = torch.optim.AdamW(task.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, steps)
    for _ in range(steps):
        loss = task.loss(encode, batch, 0.5).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    assert batch.enrollment is not None and batch.enrollment_lengths is not None
    with torch.no_grad():
        encoding = encode(batch.enrollment, batch.enrollment_lengths, ENROLLMENT)
        examples = aligned_examples(batch, encoding, task.acoustic)
    assert examples is not None
    return Learnt(task.eval(), batch, encode, encoding, examples)


@torch.no_grad()
def spoken(voice: Learnt, row: int) -> Tensor:
    """A sentence with the durations that are predicted for it, `(MELS, F)`."""
    assert voice.batch.enrollment is not None
    timed = voice.examples.timed
    enrollment = Enrollment.of(voice.batch.enrollment[row, 0])
    return voice.task.speak(voice.encode, timed.phones[row][timed.mask[row]], enrollment)


@torch.no_grad()
def spoken_timed(voice: Learnt, row: int) -> Tensor:
    """A sentence with its own durations, `(MELS, F)`."""
    mel = voice.task.speak_timed(voice.encoding, voice.examples.timed)[row]
    return mel[:, voice.examples.spoken.mask[row]]


def natural(voice: Learnt, row: int) -> Tensor:
    found = voice.examples.spoken
    return found.log_mel[row][:, found.mask[row]]


def distance(first: Tensor, second: Tensor) -> float:
    """Mean absolute difference of log-mels `(MELS, F)` along the best path through both."""
    costs = torch.cdist(first.T, second.T, p=1).div(len(first)).double().numpy()
    total = np.full((costs.shape[0] + 1, costs.shape[1] + 1), np.inf)
    total[0, 0] = 0.0
    for i, row in enumerate(costs, 1):
        for j, cost in enumerate(row, 1):
            total[i, j] = cost + min(total[i - 1, j], total[i, j - 1], total[i - 1, j - 1])
    return float(total[-1, -1]) / max(costs.shape)


def test_two_sentences_by_heart(aligned: Path) -> None:
    voice = learnt(aligned, steps=100, dim=64, stretch=1.5)
    targets = [natural(voice, row) for row in (0, 1)]
    for row, target in enumerate(targets):
        timed = spoken_timed(voice, row)
        assert timed.shape == target.shape
        error = float((timed - target).abs().mean())
        of_the_mean = float((voice.task.acoustic.mean[:, None] - target).abs().mean())
        assert error < 0.8 and error < 0.55 * of_the_mean
        made = spoken(voice, row)
        own, other = distance(made, target), distance(made, targets[1 - row])
        assert own < 0.8 and own < 0.5 * other
        # the mean duration is longer than that of the mean logarithm, silence at the ends shorter
        phones = voice.examples.timed.durations[row][voice.examples.timed.mask[row]]
        inner = float(phones[1:-1].sum()) * math.exp(UNTOLD / 2)
        assert made.shape[1] == pytest.approx(inner + 2 * END_SILENCE, rel=0.05)


@pytest.mark.skipif(WHISPER not in os.environ, reason=f"{WHISPER} names no recogniser")
def test_a_recogniser_returns_the_words(aligned: Path) -> None:
    recogniser, vocoder = FasterWhisper(os.environ[WHISPER]), GriffinLim()
    voice = learnt(aligned, steps=300, dim=96, stretch=60.0)
    for row, text in enumerate(SENTENCES):
        for made in (spoken_timed(voice, row), spoken(voice, row)):
            found = recogniser.transcribe(vocoder(made[None])[0].numpy())
            assert normalize_text(found) == normalize_text(text)
