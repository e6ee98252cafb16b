"""CDMA's loss by hand, and that it moves the target's distances to the source's."""

from math import exp

import pytest
import torch
from planted_domains import DIM, SAMPLES, corpora, mixed_batch, of_one_domain
from tiny_models import encoding_of
from torch import Tensor, nn

from joint.errors import ConfigError
from joint.outputs import SpeakerEncoding
from tasks.verification.adaptation.distances import DistanceAdaptation, discrepancies


def test_the_discrepancy_by_hand() -> None:
    one, other = torch.tensor([0.0, 1.0]), torch.tensor([1.0])
    # σ = 1: pairs of the first set 1, e^−½, e^−½, 1; of the second 1; of both e^−½, 1
    expected = (2 + 2 * exp(-0.5)) / 4 + 1 - 2 * (exp(-0.5) + 1) / 2
    found = discrepancies([one, other], (1.0,))
    assert found[0, 1] == found[1, 0] == pytest.approx(expected)
    assert torch.equal(found.diag(), torch.zeros(2))


def test_the_loss_by_hand() -> None:
    task = DistanceAdaptation((1.0,), 1.0, 2.0, 0.05, 0.03)
    values = [torch.tensor([value]) for value in (0.1, 0.9, 0.3, 0.5)]

    def of(x: float, y: float) -> float:
        return 2 - 2 * exp(-((x - y) ** 2) / 2)

    expected = of(0.1, 0.3) + 2 * of(0.9, 0.5) - 0.05 * of(0.1, 0.5) - 0.03 * of(0.9, 0.3)
    output = task.discrepancy(*values)
    assert float(output.loss) == pytest.approx(expected, rel=1e-5)
    assert output.metrics["within"] == pytest.approx(of(0.1, 0.3), rel=1e-5)


def test_pairs_are_those_of_the_domains() -> None:
    """Source: 0 and 1 of one speaker, 2 of another; target: 64 and 65."""
    task = DistanceAdaptation((1.0,))
    task.setup(corpora())
    batch = mixed_batch(0, scenes=5, enrolled=2)
    utterance = torch.tensor([0, 1, 2, 64, 65])[:, None].expand(-1, 2)
    speaker = torch.tensor([7, 7, 8, 9, 9])[:, None].expand(-1, 2)
    found: list[Tensor] = []
    angles = torch.tensor([[0.0, 0.1], [0.2, 0.3], [1.5, 1.6], [3.0, 3.3], [4.0, 4.4]]).double()

    def encode(audio: Tensor, lengths: Tensor, role: str) -> SpeakerEncoding:
        return encoding_of(torch.stack([angles.flatten().cos(), angles.flatten().sin()], dim=1))

    def kept(*sets: Tensor) -> object:
        found.extend(sets)
        return None

    task.discrepancy = kept  # type: ignore[assignment,method-assign]
    replaced = type(batch)(**{**vars(batch), "utterance": utterance, "speaker": speaker})
    task.loss(encode, replaced, 0.0)
    first, second = angles.unbind(1)
    distance = 1 - (first[:, None] - second[None]).cos().float()
    within = [(0, 0), (0, 1), (1, 0), (1, 1), (2, 2)]
    between = [(0, 2), (1, 2), (2, 0), (2, 1)]
    expected = [within, between, [(3, 3), (4, 4)], [(3, 4), (4, 3)]]
    for got, pairs in zip(found, expected, strict=True):
        torch.testing.assert_close(got, torch.stack([distance[pair] for pair in pairs]))


def test_the_target_takes_on_the_distances_of_the_source() -> None:
    torch.manual_seed(0)
    task, layer = DistanceAdaptation(), nn.Linear(SAMPLES, DIM)
    task.setup(corpora())

    def encode(audio: Tensor, lengths: Tensor, role: str) -> SpeakerEncoding:
        return encoding_of(layer(audio.flatten(0, -2)))

    optimizer = torch.optim.Adam(layer.parameters(), lr=0.02)
    between = []
    for step in range(80):
        output = task.loss(encode, mixed_batch(step, 24, enrolled=2), 0.0)
        optimizer.zero_grad()
        output.loss.backward()
        optimizer.step()
        between.append(float(output.metrics["between"]))
    assert between[0] > 0.1 and sum(between[-20:]) / 20 < 0.3 * between[0]


def test_what_it_cannot_compare() -> None:
    task = DistanceAdaptation()
    task.setup(corpora())

    def encode(audio: Tensor, lengths: Tensor, role: str) -> SpeakerEncoding:
        return encoding_of(audio.flatten(0, -2)[:, :DIM])

    output = task.loss(encode, of_one_domain(mixed_batch(0, enrolled=2)), 0.0)
    assert output.count == 0 and output.loss.item() == 0.0
    with pytest.raises(ConfigError, match=r"scenes.segments: found 1; expected 2"):
        task.loss(encode, mixed_batch(0), 0.0)
    with pytest.raises(ConfigError, match=r"bandwidths: found .*; expected numbers above 0"):
        DistanceAdaptation((0.1, 0.0))
