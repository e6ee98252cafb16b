"""Blocks that a speaker conditions begin with the content."""

from functools import partial

import pytest
import torch
from tiny_models import encoding_of, shares

from joint.conditioning.fusion import AddFusion, FilmFusion, MultiplyFusion
from joint.synthesis.convnext import ConvNextStack


@pytest.mark.parametrize("kind", [FilmFusion, AddFusion, MultiplyFusion])
def test_untrained_the_output_is_of_the_content_and_not_of_the_speaker(kind: type) -> None:
    torch.manual_seed(0)
    voices = encoding_of(torch.randn(12, 24))
    content = torch.randn(1, 30, 32).expand(12, -1, -1)
    stack = ConvNextStack(32, 32, 8, 64, partial(kind, embedding_dim=24))
    made = stack(content, None, voices)
    speaker, frame = shares(made)
    assert frame > 0.9 and speaker < 0.02
    assert not torch.equal(made[0], made[1])  # and yet the speaker is there
    made.square().sum().backward()
    assert all(part.grad is not None for part in stack.fusions.parameters())
