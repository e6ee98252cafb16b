"""Basis vectors: shared by the conditionings of a task, mixed by the speaker, and their loss."""

import copy

import torch
from tiny_models import encoding_of
from torch import nn

from joint.conditioning.basis import BasisFusion, BasisVectors, bases_in


def made() -> nn.ModuleList:
    torch.manual_seed(0)
    fusion = BasisFusion(10, count=5, dim=8, heads=2)
    return nn.ModuleList(fusion(width, 10) for width in (6, 4))


def test_a_representation_is_a_mean_of_basis_vectors() -> None:
    torch.manual_seed(0)
    bases = BasisVectors(10, count=5, dim=8, heads=2)
    embedding = torch.randn(3, 10)
    weights = bases.log_weights(embedding).exp()
    assert weights.shape == (3, 2, 5)
    torch.testing.assert_close(weights.sum(dim=2), torch.ones(3, 2))
    expected = torch.stack([weights[:, h] @ bases.bases[h] for h in range(2)], dim=1).flatten(1)
    torch.testing.assert_close(bases(embedding), expected)
    # however far away an embedding is, its voice lies among the basis vectors
    far = bases(1e4 * torch.randn(50, 10)).unflatten(1, (2, 4))
    assert (far <= bases.bases.amax(dim=1) + 1e-5).all()
    assert (far >= bases.bases.amin(dim=1) - 1e-5).all()


def test_conditionings_share_the_basis_vectors() -> None:
    parts = made()
    names = [name for name, _ in parts.named_parameters()]
    assert sum(name.endswith("bases.bases") for name in names) == 1
    again = copy.deepcopy(parts)
    again.load_state_dict(parts.state_dict())
    features = torch.randn(3, 7, 4)
    encoding = encoding_of(torch.randn(3, 10))
    for group in (parts, again):
        found = bases_in(group)
        assert found is not None
        before = group[1](features, encoding)
        with torch.no_grad():
            found.bases.add_(1.0)
        assert not torch.allclose(group[1](features, encoding), before)
    assert bases_in(nn.Linear(2, 2)) is None


def test_each_row_meets_its_own_speaker() -> None:
    fusion = made()[0]
    features, speakers = torch.randn(3, 5, 4, 6), torch.randn(3, 10)
    together = fusion(features, encoding_of(speakers))
    for i in range(3):
        alone = fusion(features[i : i + 1], encoding_of(speakers[i : i + 1]))
        torch.testing.assert_close(together[i : i + 1], alone)
    assert not torch.allclose(together, fusion(features, encoding_of(speakers.flip(0))))
    # what the layer norm takes away does not matter
    torch.testing.assert_close(fusion(5.0 * features + 3.0, encoding_of(speakers)), together)
    with torch.autocast("cpu", torch.bfloat16):
        assert fusion(features.bfloat16(), encoding_of(speakers)).dtype == torch.bfloat16


def test_the_loss_moves_synthetic_speech_towards_the_enrolment() -> None:
    torch.manual_seed(0)
    bases = BasisVectors(10, count=5, dim=8, heads=2)
    enrolled, speech = torch.randn(3, 10, requires_grad=True), torch.randn(3, 10)
    torch.testing.assert_close(bases.divergence(enrolled, enrolled), torch.tensor(0.0))
    speech.requires_grad_()
    begin = float(bases.divergence(speech, enrolled).detach())
    optimizer = torch.optim.Adam([speech], 0.1)
    for _ in range(60):
        optimizer.zero_grad()
        loss = bases.divergence(speech, enrolled)
        loss.backward()
        optimizer.step()
    assert 0.0 <= float(loss.detach()) < 0.1 * begin and enrolled.grad is None
