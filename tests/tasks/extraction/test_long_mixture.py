"""A long mixture of real speech in pieces: the enrolled voice in all of them, and no other."""

from pathlib import Path

import numpy as np
import pytest
import torch
from support import ROOT

from joint.data.opening import open_corpus
from joint.metrics.separation import si_sdr_db
from joint.task import Enrollment
from joint.training.building.model import load_model

SHIPPED = ROOT / "pretrained" / "speechocean762_librispeech_joint" / "model.safetensors"
PIECE, STRETCH = 8 * 16_000, 4 * 16_000


@pytest.fixture(scope="module")
def voices(embedded_corpus: Path) -> list[list[np.ndarray]]:
    """Seven recordings of each of two test speakers."""
    corpus = open_corpus(embedded_corpus / "test")
    return [[corpus.utterances[i].waveform() for i in own[:7]] for own in corpus.of_speaker[:2]]


def test_every_piece_has_the_enrolled_voice(voices: list[list[np.ndarray]]) -> None:
    """Both enrolled at once, so that a piece that swaps them shows; pieces equal the whole."""
    rows = [torch.from_numpy(np.concatenate(own[:6])) for own in voices]
    length = min(map(len, rows))
    sources = torch.stack([0.05 * row[:length] / row[:length].std() for row in rows])
    model, _ = load_model(SHIPPED)
    people = [Enrollment.of(own[6]) for own in voices]
    task, view, mixture = model.task("extraction"), model.view("extraction"), sources.sum(dim=0)
    with torch.inference_mode():
        pieces = task.infer(view, mixture, people, longest=PIECE)  # type: ignore[call-arg]
        whole = task.infer(view, mixture, people, longest=length)  # type: ignore[call-arg]
    assert (si_sdr_db(pieces, whole) > 15).all()
    for start in range(0, length - STRETCH, STRETCH):
        part = slice(start, start + STRETCH)
        own, other = (si_sdr_db(pieces[:, part], s[:, part]) for s in (sources, sources.flip(0)))
        assert (own > other + 5).all(), (start, own, other)
