"""The domain is read from the embedding or from pooled statistics, and lost by reversal."""

import pytest
import torch
from planted_domains import COUNT, corpora
from tiny_models import encode_with, noise_batch, tiny_encoder

from joint.layers.gradient_reversal import GradientReversal
from joint.scene import SceneBatch
from tasks.verification.adaptation.classifier import DomainClassifier


def louder_targets(scenes: int = 16) -> SceneBatch:
    """A batch whose recordings of the target domain have another colour."""
    batch = noise_batch(scenes, enrolled=1, samples=8000)
    assert batch.enrollment is not None
    utterance = torch.arange(scenes)[:, None] * (2 * COUNT // scenes)
    moved = batch.enrollment.cumsum(dim=-1) * 0.1
    audio = torch.where((utterance >= COUNT)[..., None], moved, batch.enrollment)
    return noise_batch(scenes, enrolled=1, samples=8000, enrollment=audio, utterance=utterance)


@pytest.mark.parametrize("of_frames", [False, True])
def test_learns_the_domain(of_frames: bool) -> None:
    torch.manual_seed(0)
    encoder = tiny_encoder()
    task = DomainClassifier(12, 32, of_frames, hidden=16)
    task.setup(corpora())
    optimizer = torch.optim.Adam(task.parameters(), lr=0.02)
    encode, batch = encode_with(encoder), louder_targets()
    for _ in range(30):
        output = task.loss(encode, batch, 0.0)
        optimizer.zero_grad()
        output.loss.backward()
        optimizer.step()
    assert output.metrics["accuracy"] == 1.0


def test_reversal_turns_the_gradient_round() -> None:
    gradients = []
    for reversal in (None, GradientReversal(2.0, rise=0.0)):
        encoder = tiny_encoder()
        torch.manual_seed(1)
        task = DomainClassifier(12, 32, reversal=reversal)
        task.setup(corpora())
        task.loss(encode_with(encoder), louder_targets(), 0.5).loss.backward()
        gradients.append(encoder.projection.weight.grad)
    assert gradients[0] is not None and gradients[1] is not None
    torch.testing.assert_close(gradients[1], -2.0 * gradients[0])
