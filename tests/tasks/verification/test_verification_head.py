"""The verification task: a class for every enrolment, and the EER of what it learned."""

import torch
from tiny_models import encode_with, encoding_of, noise_batch, tiny_encoder, verification
from torch import Tensor

from joint.outputs import SpeakerEncoding
from joint.task import ENROLLMENT


def test_every_enrolment_counts() -> None:
    batch = noise_batch(scenes=3)
    assert batch.speaker is not None
    task, encode = verification(), encode_with(tiny_encoder().eval())
    output = task.loss(encode, batch, 1.0)
    assert output.count == 6 and set(output.metrics) == {"accuracy"}
    assert batch.enrollment is not None and batch.enrollment_lengths is not None
    embedding = encode(batch.enrollment, batch.enrollment_lengths, ENROLLMENT).embedding
    expected = task.criterion(embedding, batch.speaker.flatten(), 1.0)
    torch.testing.assert_close(output.loss, expected)


def test_the_margin_follows_the_progress() -> None:
    task, encode = verification(), encode_with(tiny_encoder().eval())
    early, late = (task.loss(encode, noise_batch(), progress).loss for progress in (0.0, 1.0))
    assert late > early


def test_speakers_at_right_angles_have_no_errors() -> None:
    batches = [noise_batch(seed=seed) for seed in range(3)]

    def encode(audio: Tensor, lengths: Tensor, role: str) -> SpeakerEncoding:
        batch = next(b for b in batches if b.enrollment is audio)
        assert batch.speaker is not None
        return encoding_of(torch.eye(5)[batch.speaker.flatten()])

    figures = verification().validate(encode, batches)
    assert figures["eer_percent"] == 0.0 and 0.0 < figures["threshold"] <= 1.0
