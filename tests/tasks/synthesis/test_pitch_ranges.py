"""The range of a voice is the same in training and when a text is spoken: that of the enrolment."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_models import encode_with, tiny_encoder
from tiny_synthesis import spoken_batch, synthesis
from torch import Tensor

from joint.data.opening import open_corpus
from joint.synthesis.pitch import PitchRange
from joint.synthesis.spoken import Prosody
from joint.task import ENROLLMENT


def test_pitch_is_learnt_in_the_range_that_speech_is_restored_by(
    aligned: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = open_corpus(aligned)
    task, batch = synthesis(corpus.phones).eval(), spoken_batch(corpus, (0, 5, 9))
    task.setup(corpus)
    encode = encode_with(tiny_encoder().eval())
    assert batch.enrollment is not None and batch.enrollment_lengths is not None
    ranges = []
    own = task.prosody.loss

    def loss(content: Tensor, prosody: Prosody, voices: PitchRange, *others: Any) -> Any:
        ranges.append(voices)
        return own(content, prosody, voices, *others)

    monkeypatch.setattr(task.prosody, "loss", loss)
    with torch.no_grad():
        task.loss(encode, batch, 0.5)
        enrolled = task.voice(encode(batch.enrollment, batch.enrollment_lengths, ENROLLMENT))
    torch.testing.assert_close(ranges[0].mean, enrolled.mean)
    torch.testing.assert_close(ranges[0].spread, enrolled.spread)
