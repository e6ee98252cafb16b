"""DINO as published: pairs of segments, centre, temperatures; no collapse."""

import math
from copy import deepcopy
from functools import partial

import pytest
import torch
from tiny_models import encode_with, noise_batch, tiny_encoder
from torch import Tensor
from torch.nn import Linear

from joint.encoders.encoder import SpeakerEncoder
from joint.errors import ConfigError
from joint.scene import SceneBatch
from tasks.selfsupervised.dino import Dino, DinoHead, distillation

HEAD = partial(DinoHead, prototypes=32, hidden=16, bottleneck=8)


def dino(encoder: SpeakerEncoder, **other: object) -> Dino:
    torch.manual_seed(0)
    return Dino(12, partial(deepcopy, encoder), HEAD, local_seconds=0.2, **other)  # type: ignore[arg-type]


def voices(utterances: int = 16, segments: int = 3, samples: int = 4800) -> SceneBatch:
    """Utterances with a spectrum of their own, a few resonances, in noise: four kinds."""
    generator = torch.Generator().manual_seed(1)
    time = torch.arange(samples) / 16_000
    audio = 0.02 * torch.randn(utterances, segments, samples, generator=generator)
    for i in range(utterances):
        for pitch in (200.0, 900.0, 2100.0):
            hertz = pitch * (1.0 + 0.35 * (i % 4))
            phase = 6.28 * torch.rand(segments, 1, generator=generator)
            audio[i] += 0.1 * torch.sin(2 * math.pi * hertz * time + phase)
    lengths = torch.full((utterances, segments), samples)
    return noise_batch(utterances, enrollment=audio, enrollment_lengths=lengths)


def test_pairs_of_different_segments() -> None:
    """Each of two taught segments with both others of three, and never with itself."""
    student, teacher = torch.randn(2, 3, 5), torch.randn(2, 2, 5)
    centre = torch.randn(5)
    output, targets = distillation(student, teacher, centre, 0.1, 0.04)
    total = 0.0
    for row in range(2):
        for t in range(2):
            p = ((teacher[row, t] - centre) / 0.04).softmax(0)
            torch.testing.assert_close(targets[row, t], p)
            for k in range(3):
                if k != t:
                    total += float(-(p * (student[row, k] / 0.1).log_softmax(0)).sum())
    assert float(output.loss) == pytest.approx(total / 8, rel=1e-5) and output.count == 2


def test_the_centre_is_a_moving_mean() -> None:
    task = dino(tiny_encoder())
    first, second = torch.randn(4, 32), torch.randn(4, 32)
    task.move_centre(first)
    torch.testing.assert_close(task.centre, 0.1 * first.mean(0))
    task.move_centre(second)
    torch.testing.assert_close(task.centre, 0.09 * first.mean(0) + 0.1 * second.mean(0))


def test_temperature_and_momentum_over_the_training() -> None:
    encoder = tiny_encoder()
    task = dino(encoder, teacher_temperature=(0.04, 0.07), momentum=0.9)
    found = [round(task.sharpness(p), 4) for p in (0.0, 0.1, 0.2, 1.0)]
    assert found == [0.04, 0.055, 0.07, 0.07]
    task.before_step(encoder, 0.0)
    start = encoder.projection.bias.detach().clone()
    with torch.no_grad():
        encoder.projection.bias.add_(1.0)
    task.before_step(encoder, 0.5)  # halfway the momentum is 0.95
    torch.testing.assert_close(task.teacher.encoder.projection.bias, start + 0.05)
    task.before_step(encoder, 1.0)  # at the end it is 1
    torch.testing.assert_close(task.teacher.encoder.projection.bias, start + 0.05)


def test_what_the_student_and_the_teacher_encode() -> None:
    encoder, seen = tiny_encoder().eval(), []
    plain = encode_with(encoder)

    def encode(audio: Tensor, lengths: Tensor, role: str) -> object:
        seen.append((tuple(audio.shape), int(lengths.max()), role))
        return plain(audio, lengths, role)

    output = dino(encoder).loss(encode, noise_batch(3, enrolled=5), 0.0)  # type: ignore[arg-type]
    assert seen == [((3, 2, 4800), 4800, "enrollment"), ((3, 3, 3200), 3200, "short segments")]
    output.loss.backward()
    assert encoder.projection.weight.grad is not None


def test_prototypes_stay_at_first() -> None:
    """With a gradient of 0, for parallel processes wait for one; all else learns."""
    encoder = tiny_encoder()
    task = dino(encoder, freeze_share=0.1)
    head = task.head
    assert isinstance(head, DinoHead)
    for progress, moves in ((0.0, False), (0.09, False), (0.1, True)):
        task.zero_grad()
        task.loss(encode_with(encoder), noise_batch(3, enrolled=3), progress).loss.backward()
        found = [p.grad is not None and bool(p.grad.any()) for p in head.parameters()]
        assert head.prototypes.grad is not None and found[0] == moves and all(found[1:])


def test_no_collapse() -> None:
    """At first all segments have one prototype; then the entropy of their mean is well above 0, and
    that of each segment's distribution well below log K."""
    encoder = tiny_encoder().train()
    task = dino(encoder, momentum=0.9).train()
    optimizer = torch.optim.AdamW([*encoder.parameters(), *task.head.parameters()], lr=5e-3)
    batch, logged = voices(), []
    for step in range(40):
        task.before_step(encoder, step / 80)
        output = task.loss(encode_with(encoder), batch, step / 80)
        optimizer.zero_grad()
        output.loss.backward()
        optimizer.step()
        logged.append((float(output.metrics["entropy"]), float(output.metrics["usage"])))
    assert logged[0][1] < 0.1
    entropy, usage = logged[-1]
    assert entropy < 0.5 and usage > 0.25


def test_settings_refused() -> None:
    for arguments, complaint in (
        ({"teacher_temperature": (0.04, 0.1)}, "0.1 and 0.1 of the student; expected more than 0"),
        ({"momentum": 1.0}, "momentum: found 1"),
        ({"freeze_share": 1.0}, "freeze_share: found 1"),
    ):
        with pytest.raises(ConfigError, match=complaint):
            dino(tiny_encoder(), **arguments)
    other = partial(Linear, out_features=4)
    with pytest.raises(ConfigError, match="for a Linear; expected 0, or a DinoHead"):
        Dino(12, partial(deepcopy, tiny_encoder()), other, freeze_share=0.1)
    with pytest.raises(ConfigError, match="found 1; expected 2 or more"):
        dino(tiny_encoder()).loss(encode_with(tiny_encoder()), noise_batch(enrolled=1), 0.0)
