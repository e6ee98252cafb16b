"""A critic of shared augmentation: it learns from a planted sign, which reversal removes."""

import pytest
import torch
from tiny_models import encode_with, encoding_of, noise_batch, tiny_encoder
from torch import Tensor, nn

from joint.errors import ConfigError
from joint.layers.gradient_reversal import GradientReversal
from joint.outputs import SpeakerEncoding
from joint.scene import SceneBatch
from joint.task import Encode
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


def adversarial() -> AugmentationAdversarial:
    return AugmentationAdversarial(WIDTH, 0.5, 32, GradientReversal(1.0, rise=0.0))


def told_apart(encode: Encode) -> float:
    """How often a new critic, trained on what the encoder makes of some utterances, is right on
    others."""
    torch.manual_seed(1)
    task, generator = adversarial(), torch.Generator().manual_seed(1)
    optimizer = torch.optim.Adam(task.critic_parameters(), lr=0.01)
    for _ in range(150):
        optimizer.zero_grad()
        task.critic_loss(encode, planted(64, generator), 0.5).loss.backward()
        optimizer.step()
    judged = task.critic_loss(encode, planted(1000, generator), 0.5)
    return float(judged.metrics["accuracy"])


def test_no_critic_can_tell_after_the_training() -> None:
    """A linear encoder loses the sign and keeps the voice; both sides are trained in turn."""
    torch.manual_seed(0)
    encoder, task = nn.Linear(WIDTH, WIDTH, bias=False), adversarial()

    def encode(audio: Tensor, lengths: Tensor, role: str) -> SpeakerEncoding:
        return encoding_of(encoder(audio.flatten(0, -2)))

    def constants(audio: Tensor, lengths: Tensor, role: str) -> SpeakerEncoding:
        return encode(audio, lengths, role).detached()

    assert told_apart(constants) > 0.95
    generator, steps = torch.Generator().manual_seed(0), 200
    own = torch.optim.Adam(encoder.parameters(), betas=(0.5, 0.9))
    judges = torch.optim.Adam(task.critic_parameters(), lr=0.02, betas=(0.5, 0.9))
    for step in range(steps):
        own.param_groups[0]["lr"] = 0.01 * (1.0 - step / steps)
        output = task.loss(encode, planted(64, generator), 0.5)
        own.zero_grad()
        output.loss.backward()
        own.step()
        judged = task.critic_loss(constants, planted(64, generator), 0.5)
        judges.zero_grad()  # of what the loss above has left there
        judged.loss.backward()
        judges.step()
    assert abs(told_apart(constants) - 0.5) < 0.05
    assert float(output.metrics["contrastive"]) < 3.5  # log 64 without any voice


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
