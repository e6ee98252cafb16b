"""The head that says what was done to a recording."""

import torch
from tiny_models import encode_with, encoding_of, noise_batch, tiny_encoder
from torch import Tensor

from joint.layers.gradient_reversal import GradientReversal
from joint.outputs import SpeakerEncoding
from tasks.verification.auxiliary.recording_condition import KINDS, RecordingConditions


def test_learns_what_the_embedding_tells() -> None:
    torch.manual_seed(0)
    task = RecordingConditions(12, hidden=32)
    mapping = torch.randn(KINDS, 12)
    optimizer = torch.optim.Adam(task.parameters(), lr=1e-2)
    for step in range(120):
        kinds = torch.randint(0, KINDS, (32, 1), generator=torch.Generator().manual_seed(step))
        batch = noise_batch(32, enrolled=1, samples=400, augmentation=kinds)

        def encode(
            audio: Tensor, lengths: Tensor, role: str, kinds: Tensor = kinds
        ) -> SpeakerEncoding:
            return encoding_of(mapping[kinds[:, 0]])

        output = task.loss(encode, batch, 0.0)
        optimizer.zero_grad()
        output.loss.backward()
        optimizer.step()
    figures = task.eval().validate(encode, [batch])
    assert figures["accuracy"] == 1.0 and figures["majority"] < 0.5


def test_reversal_turns_the_gradient_round() -> None:
    kinds = torch.randint(0, KINDS, (4, 2))
    batch = noise_batch(4, augmentation=kinds)
    gradients = []
    for reversal in (None, GradientReversal(2.0, rise=0.0)):
        torch.manual_seed(1)
        task, encoder = RecordingConditions(12, reversal=reversal), tiny_encoder()
        task.loss(encode_with(encoder), batch, 0.5).loss.backward()
        gradients.append(encoder.projection.weight.grad)
    assert gradients[0] is not None and gradients[1] is not None
    torch.testing.assert_close(gradients[1], -2.0 * gradients[0])
