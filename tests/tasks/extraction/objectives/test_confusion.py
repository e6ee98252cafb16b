"""The loss against target confusion, worked by hand on planted embeddings."""

import math

import pytest
import torch
from tiny_models import encode_with, encoding_of, extraction, noise_batch, tiny_encoder, tiny_model
from torch import Tensor

from joint.errors import ConfigError
from joint.model import StreamBatch
from joint.outputs import SpeakerEncoding
from tasks.extraction.objectives.confusion import (
    REFERENCES,
    ConfusionLoss,
    PrototypicalConfusion,
    TripletConfusion,
)

SAMPLES = 6000


def sources(*voices: int, start: int = 0) -> Tensor:
    """One mixture of sources that begin with a silence, whose sample is their number plus one."""
    rows = [torch.full((SAMPLES,), float(voice + 1)) for voice in voices]
    for row in rows:
        row[:start] = 0.0
    return torch.stack(rows)[None]


def planted(*embeddings: tuple[float, float]):
    """An encoder that knows the voice from a recording's first sample; it sees no silence."""

    def encode(audio: Tensor, lengths: Tensor, role: str) -> SpeakerEncoding:
        assert role == REFERENCES and (audio[:, 0] > 0).all()
        return encoding_of(torch.tensor(embeddings)[audio[:, 0].long() - 1])

    return encode


def test_a_triplet_by_hand() -> None:
    """The anchor is at a right angle to its own speaker and 60 degrees from the other one."""
    anchor = torch.tensor([[2.0, 0.0]])  # its length does not matter
    other = (math.cos(math.pi / 3), math.sin(math.pi / 3))
    encode = planted((0.0, 3.0), other)
    found = TripletConfusion(margin=0.3)(encode, anchor, sources(0, 1), torch.tensor([[0]]))
    # the side of a triangle of 60 degrees is 1
    torch.testing.assert_close(found.losses, torch.tensor([math.sqrt(2.0) - 1.0 + 0.3]))
    assert found.confused.tolist() == [True]
    found = TripletConfusion(margin=0.3)(encode, anchor, sources(0, 1), torch.tensor([[1]]))
    assert found.losses.tolist() == [0.0] and found.confused.tolist() == [False]


def test_a_prototypical_loss_by_hand() -> None:
    anchor = torch.tensor([[1.0, 0.0]])
    encode = planted((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0))
    loss = PrototypicalConfusion(scale=2.0)
    found = loss(encode, anchor, sources(0, 1, 2), torch.tensor([[0]]))
    expected = math.log(1 + math.exp(-2) + math.exp(-4))
    torch.testing.assert_close(found.losses, torch.tensor([expected]))


@pytest.mark.parametrize("loss", [TripletConfusion(), PrototypicalConfusion()])
def test_absent_people_and_short_sources_are_left_out(loss: ConfusionLoss) -> None:
    anchors = torch.eye(2)
    encode = planted((1.0, 0.0), (0.0, 1.0))
    places = torch.tensor([[-1, 1]])
    found = loss(encode, anchors, sources(0, 1), places)
    assert len(found.losses) == 1 and found.confused.tolist() == [False]
    short = sources(0, 1)
    short[0, 1, 4000:] = 0.0  # 0.25 s of it are left
    assert len(loss(encode, anchors, short, places).losses) == 0
    late = sources(0, 1, start=1000)
    assert len(loss(encode, anchors, late, places).losses) == 1


def test_the_weight_is_positive() -> None:
    with pytest.raises(ConfigError, match=r"confusion\.weight: found 0"):
        TripletConfusion(weight=0)


def test_it_moves_the_encoder_alone() -> None:
    """The task's loss grows by weight times the mean, and the encoder's gradient changes."""
    plain, confused = extraction(), extraction()
    confused.confusion = PrototypicalConfusion(weight=0.5)
    batch = noise_batch(samples=6000)
    gradients = []
    outputs = []
    for task in (plain, confused):
        encoder = tiny_encoder().eval()
        output = task.loss(encode_with(encoder), batch, 1.0)
        output.loss.backward()
        gradients.append(torch.cat([p.grad.flatten() for p in encoder.parameters()]))  # type: ignore[union-attr]
        outputs.append(output)
    assert outputs[0].metrics.keys() == {"si_sdr_improvement_db"}
    extra = 0.5 * outputs[1].metrics["confusion_loss"]
    torch.testing.assert_close(outputs[1].loss, outputs[0].loss + extra)
    assert 0.0 <= float(outputs[1].metrics["confused_share"]) <= 1.0
    assert not torch.allclose(gradients[0], gradients[1], rtol=1e-3)
    same = zip(plain.extractor.parameters(), confused.extractor.parameters(), strict=True)
    assert all(torch.equal(a.grad, b.grad) for a, b in same)  # type: ignore[arg-type]


def test_it_falls_while_the_encoder_trains() -> None:
    model = tiny_model({"verification": 0.0})
    task = model.task("extraction")
    task.confusion = PrototypicalConfusion(weight=10.0)  # type: ignore[assignment]
    batch = [StreamBatch(noise_batch(samples=6000, seed=3), ("extraction",))]
    optimizer = torch.optim.Adam(model.encoder.parameters(), lr=3e-3)
    values = []
    for _ in range(8):
        output = model(batch, 1.0)
        optimizer.zero_grad()
        output.total.backward()
        optimizer.step()
        values.append(output.metrics["extraction/confusion_loss"])
    assert values[-1] < 0.8 * values[0], values
