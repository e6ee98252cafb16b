"""Fusion: one signature, the shape stays, each row meets its own speaker."""

import pytest
import torch
import torch.nn.functional as F
from tiny_models import encoding_of

from joint.conditioning.fusion import AddFusion, ConcatFusion, FilmFusion, Fusion, MultiplyFusion

KINDS = (MultiplyFusion, AddFusion, ConcatFusion, FilmFusion)
SHAPES = ((3, 6), (3, 5, 6), (3, 5, 4, 6))


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def fusion(request: pytest.FixtureRequest) -> Fusion:
    torch.manual_seed(0)
    made: Fusion = request.param(6, 10)
    return made


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_shape_and_type_stay(fusion: Fusion, shape: tuple[int, ...]) -> None:
    encoding = encoding_of(torch.randn(3, 10))
    assert fusion(torch.randn(shape), encoding).shape == shape
    with torch.autocast("cpu", torch.bfloat16):
        assert fusion(torch.randn(shape).bfloat16(), encoding).dtype == torch.bfloat16


def test_each_row_meets_its_own_speaker(fusion: Fusion) -> None:
    features, speakers = torch.randn(3, 5, 4, 6), torch.randn(3, 10)
    together = fusion(features, encoding_of(speakers))
    for i in range(3):
        alone = fusion(features[i : i + 1], encoding_of(speakers[i : i + 1]))
        torch.testing.assert_close(together[i : i + 1], alone)
    others = fusion(features, encoding_of(speakers.flip(0)))
    assert not torch.allclose(together[0], others[0])


def test_the_embedding_s_length_is_free(fusion: Fusion) -> None:
    features, speakers = torch.randn(3, 5, 6), torch.randn(3, 10)
    torch.testing.assert_close(
        fusion(features, encoding_of(speakers)),
        fusion(features, encoding_of(20.0 * speakers)),
        atol=1e-4,
        rtol=1e-4,
    )


def test_gradient_reaches_the_speaker(fusion: Fusion) -> None:
    speakers = torch.randn(3, 10, requires_grad=True)
    fusion(torch.randn(3, 5, 6), encoding_of(speakers)).square().sum().backward()
    assert speakers.grad is not None and (speakers.grad.abs().sum(1) > 0).all()
    assert all(p.grad is not None for p in fusion.parameters())


@pytest.mark.parametrize("kind", [MultiplyFusion, AddFusion, FilmFusion])
def test_untrained_it_is_the_identity_for_nobody(kind: type[Fusion]) -> None:
    features = torch.randn(3, 5, 6)
    assert torch.equal(kind(6, 10)(features, encoding_of(torch.zeros(3, 10))), features)


def test_concat_is_a_linear_layer_on_both() -> None:
    fusion = ConcatFusion(6, 10)
    features, speakers = torch.randn(3, 5, 6), torch.randn(3, 10)
    both = torch.cat([features, fusion.norm(speakers)[:, None].expand(-1, 5, -1)], dim=-1)
    weight = torch.cat([fusion.of_features.weight, fusion.of_speaker.weight], dim=1)
    expected = F.linear(both, weight, fusion.of_features.bias)
    torch.testing.assert_close(fusion(features, encoding_of(speakers)), expected)


def test_film_scales_and_shifts() -> None:
    fusion = FilmFusion(6, 10)
    features, speakers = torch.randn(3, 5, 6), torch.randn(3, 10)
    known = fusion.norm(speakers)[:, None]
    expected = features * (1 + fusion.gain(known)) + fusion.shift(known)
    torch.testing.assert_close(fusion(features, encoding_of(speakers)), expected)
