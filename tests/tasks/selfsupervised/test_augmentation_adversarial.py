"""A critic of shared augmentation: it learns from a planted sign, which reversal then removes."""

import pytest
import torch
from tiny_models import encode_with, encoding_of, noise_batch, tiny_encoder
from torch import Tensor, nn

from joint.errors import ConfigError
from joint.layers.gradient_reversal import GradientReversal
from joint.outputs import SpeakerEncoding
from joint.scene import SceneBatch
from tasks.selfsupervised.augmentation_adversarial import AugmentationAdversarial

WIDTH, SIGN = 12, 4


def planted(utterances: int, generator: torch.Generator) -> SceneBatch:
    """ "Audio" that is a voice and, in its last numbers, the sign of one of two augmentations."""
    voice = torch.randn(utterances, 1, WIDTH - SIGN, generator=generator).expand(-1, 3, -1)
    kinds = torch.randint(0, 2, (utterances, 1), generator=generator)
    kinds = torch.cat([kinds, 1 - kinds, kinds], dim=1)
    sign = (2.0 * kinds - 1.0).unsqueeze(2).expand(-1, -1, SIGN)
    audio = torch.cat([voice, sign], dim=2)
    audio = audio + 0.1 * torch.randn(audio.shape, generator=generator)
    lengths = torch.full((utterances, 3), WIDTH)
    return SceneBatch(["x"] * utterances, enrollment=audio, enrollment_lengths=lengths)


def test_the_critic_cannot_tell_after_reversal() -> None:
    """It learns the sign from a linear encoder, which then follows the reversed gradient."""
    torch.manual_seed(0)
    encoder = nn.Linear(WIDTH, WIDTH, bias=False)
    task = AugmentationAdversarial(WIDTH, 0.5, 32, GradientReversal(1.0, rise=0.0))

    def encode(audio: Tensor, lengths: Tensor, role: str) -> SpeakerEncoding:
        return encoding_of(encoder(audio.flatten(0, -2)))

    def constants(audio: Tensor, lengths: Tensor, role: str) -> SpeakerEncoding:
        return encode(audio, lengths, role).detached()

    generator = torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(task.critic_parameters(), lr=0.01)
    for _ in range(200):
        output = task.critic_loss(constants, planted(64, generator), 0.5)
        optimizer.zero_grad()
        output.loss.backward()
        optimizer.step()
    assert float(output.metrics["accuracy"]) > 0.9
    task.critic.requires_grad_(False)
    optimizer = torch.optim.Adam(encoder.parameters(), lr=0.01)
    for _ in range(100):
        output = task.loss(encode, planted(64, generator), 0.5)
        optimizer.zero_grad()
        output.loss.backward()
        optimizer.step()
    judged = task.critic_loss(constants, planted(256, generator), 0.5)
    assert float(judged.metrics["accuracy"]) < 0.6


def test_gradients_of_the_encoder_and_of_the_critic() -> None:
    encoder = tiny_encoder().eval()
    batch = noise_batch(4, enrolled=3)
    task = AugmentationAdversarial(12, reversal=GradientReversal(1.0, rise=0.0))
    judged, _ = task.judged(torch.randn(4, 3, 12))
    judged.backward()
    assert {id(p) for p in task.critic_parameters()} == {id(p) for p in task.parameters()}
    output = task.loss(encode_with(encoder), batch, 1.0)
    assert float(output.loss) > float(output.metrics["contrastive"])
    output.loss.backward()
    assert encoder.projection.weight.grad is not None


def test_scenes_of_two_segments_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"scenes\.segments: found 2; expected 3 or more"):
        AugmentationAdversarial(12).loss(encode_with(tiny_encoder()), noise_batch(enrolled=2), 0.0)
