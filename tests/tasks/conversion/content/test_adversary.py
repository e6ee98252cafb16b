"""SIG-VC's adversary: it learns who speaks, and what lies below it is driven the other way."""

import torch

from joint.layers.gradient_reversal import GradientReversal
from joint.seeding import seeded
from joint.synthesis.mel import MELS
from tasks.conversion.content.adversarial import SpeakerFreeContent
from tasks.conversion.content.base import Speech, Targets


def content(strength: float) -> SpeakerFreeContent:
    with seeded(0, "content"):
        return SpeakerFreeContent(
            5,
            3,
            dim=16,
            blocks=1,
            hidden=32,
            width=6,
            adversary_hidden=8,
            adversary_weight=1.0,
            reversal=GradientReversal(strength, 0.0),
        )


def speech() -> Speech:
    generator = torch.Generator().manual_seed(0)
    mel = torch.randn(3, 40, MELS, generator=generator)
    return Speech(mel[:, 0], torch.full((3,), 40), mel, torch.ones(3, 40, 1))


def gradients(strength: float, speakers: bool) -> dict[str, torch.Tensor]:
    made = content(strength)
    made.dropout.p = 0.0
    phones = torch.randint(0, 5, (3, 40), generator=torch.Generator().manual_seed(1))
    found = made(speech(), Targets(phones, torch.arange(3) if speakers else None))
    assert found.loss is not None
    found.loss.backward()
    return {n: p.grad for n, p in made.named_parameters() if p.grad is not None}


def test_the_gradient_is_reversed_below_the_adversary_alone() -> None:
    phones, reversed_, double = gradients(1.0, False), gradients(1.0, True), gradients(2.0, True)
    name = "body.enter.weight"
    adversary = reversed_[name] - phones[name]
    assert adversary.norm() > 1e-4
    torch.testing.assert_close(double[name] - phones[name], 2.0 * adversary, rtol=1e-3, atol=1e-6)
    own = "speakers.weight"
    assert own not in phones and torch.equal(reversed_[own], double[own]) and own in reversed_
    torch.testing.assert_close(reversed_["classifier.weight"], phones["classifier.weight"])


def test_against_a_strong_adversary_the_speaker_goes() -> None:
    """Three recordings: without reversal they are told apart at once, with it they are not."""
    errors = {}
    for strength in (0.0, 3.0):
        made, own = content(strength), speech()
        made.dropout.p = 0.0
        optimizer = torch.optim.Adam(made.parameters(), lr=1e-2)
        phones = torch.zeros(3, 40).long()
        losses = []
        for _ in range(60):
            found = made(own, Targets(phones, torch.arange(3)))
            assert found.loss is not None
            optimizer.zero_grad()
            found.loss.backward()
            optimizer.step()
            losses.append(float(torch.as_tensor(found.metrics["adversary_loss"]).detach()))
        errors[strength] = sum(losses[-10:]) / 10
    assert errors[0.0] < 0.8 < 1.0 < errors[3.0], errors
