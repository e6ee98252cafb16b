"""Conditioning: one signature, the shape stays, each row meets its own speaker."""

import pytest
import torch
from tiny_models import encoding_of

from joint.conditioning.fusion import (
    AddFusion,
    ConcatFusion,
    Conditioning,
    EmbeddingFusion,
    FilmFusion,
    MultiplyFusion,
)

KINDS = (MultiplyFusion, AddFusion, ConcatFusion, FilmFusion)
SHAPES = ((3, 6), (3, 5, 6), (3, 5, 4, 6))


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def fusion(request: pytest.FixtureRequest) -> Conditioning:
    torch.manual_seed(0)
    made: Conditioning = request.param(6, 10)
    return made


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_shape_and_type_stay(fusion: Conditioning, shape: tuple[int, ...]) -> None:
    encoding = encoding_of(torch.randn(3, 10))
    assert fusion(torch.randn(shape), encoding).shape == shape
    with torch.autocast("cpu", torch.bfloat16):
        assert fusion(torch.randn(shape).bfloat16(), encoding).dtype == torch.bfloat16


def test_each_row_meets_its_own_speaker(fusion: Conditioning) -> None:
    features, speakers = torch.randn(3, 5, 4, 6), torch.randn(3, 10)
    together = fusion(features, encoding_of(speakers))
    for i in range(3):
        alone = fusion(features[i : i + 1], encoding_of(speakers[i : i + 1]))
        torch.testing.assert_close(together[i : i + 1], alone)
    others = fusion(features, encoding_of(speakers.flip(0)))
    assert not torch.allclose(together[0], others[0])


def test_the_embedding_s_length_is_free(fusion: Conditioning) -> None:
    features, speakers = torch.randn(3, 5, 6), torch.randn(3, 10)
    torch.testing.assert_close(
        fusion(features, encoding_of(speakers)),
        fusion(features, encoding_of(20.0 * speakers)),
        atol=1e-4,
        rtol=1e-4,
    )


def test_gradient_reaches_the_speaker(fusion: Conditioning) -> None:
    speakers = torch.randn(3, 10, requires_grad=True)
    fusion(torch.randn(3, 5, 6), encoding_of(speakers)).square().sum().backward()
    assert speakers.grad is not None and (speakers.grad.abs().sum(1) > 0).all()
    assert all(p.grad is not None for p in fusion.parameters())


@pytest.mark.parametrize("kind", [MultiplyFusion, AddFusion, FilmFusion])
def test_untrained_it_is_the_identity_for_nobody(kind: type[Conditioning]) -> None:
    features = torch.randn(3, 5, 6)
    assert torch.equal(kind(6, 10)(features, encoding_of(torch.zeros(3, 10))), features)


def changed(first: torch.Tensor, second: torch.Tensor) -> bool:
    return not torch.allclose(first, second, atol=1e-5)


@pytest.mark.parametrize(
    "kind, scales, shifts, mixes",
    [
        (MultiplyFusion, True, False, False),
        (AddFusion, False, True, False),
        (ConcatFusion, False, True, True),
        (FilmFusion, True, True, False),
    ],
)
def test_what_the_speaker_does_to_features(
    kind: type[Conditioning], scales: bool, shifts: bool, mixes: bool
) -> None:
    torch.manual_seed(0)
    fusion = kind(6, 10)
    anna, bea = (encoding_of(torch.randn(1, 10)) for _ in range(2))
    x, y = torch.randn(2, 1, 5, 6)
    slopes = [fusion(x, speaker) - fusion(y, speaker) for speaker in (anna, bea)]
    assert changed(*slopes) == scales
    zeros = [fusion(torch.zeros(1, 5, 6), speaker) for speaker in (anna, bea)]
    assert changed(*zeros) == shifts
    other = x.clone()
    other[..., 0] += 1.0
    before, after = fusion(x, anna), fusion(other, anna)
    assert changed(before[..., :1], after[..., :1])
    assert changed(before[..., 1:], after[..., 1:]) == mixes


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_without_the_norm_the_embedding_s_length_counts(kind: type[EmbeddingFusion]) -> None:
    torch.manual_seed(0)
    fusion = kind(6, 10, norm=False)
    features, speakers = torch.randn(2, 5, 6), torch.randn(2, 10)
    assert changed(*(fusion(features, encoding_of(gain * speakers)) for gain in (1.0, 2.0)))
