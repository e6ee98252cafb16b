"""Residual vector quantisation: codes and their vectors, gradients, codebooks that follow."""

import pytest
import torch
from torch import Tensor

from joint.errors import ConfigError
from joint.synthesis.codec.quantizer import DEAD, Codebook, ResidualQuantizer


def clusters(rows: int = 8, frames: int = 50, width: int = 4) -> Tensor:
    """Points about twelve centres, `(rows, frames, width)`."""
    generator = torch.Generator().manual_seed(3)
    centres = 3.0 * torch.randn(12, width, generator=generator)
    chosen = torch.randint(0, 12, (rows, frames), generator=generator)
    return centres[chosen] + 0.3 * torch.randn(rows, frames, width, generator=generator)


def fitted(
    quantizers: int = 3, size: int = 16, steps: int = 40
) -> tuple[ResidualQuantizer, Tensor]:
    """A quantiser, in eval mode, that has followed the clusters, and these."""
    torch.manual_seed(0)
    quantizer, x = ResidualQuantizer(quantizers, 16, 4, dropout=0.0), clusters()
    for _ in range(steps):
        quantizer(x)
    return quantizer.eval(), x


def test_codes_decode_to_what_was_quantised() -> None:
    quantizer, x = fitted()
    found = quantizer(x)
    torch.testing.assert_close(quantizer.decode(found.codes), found.latent)
    assert torch.equal(quantizer.encode(x), found.codes)
    assert found.codes.shape == (8, 50, 3) and int(found.codes.max()) < 16


def test_a_vector_of_the_first_codebook_is_its_own_code() -> None:
    quantizer, _ = fitted(quantizers=1)
    codebook = quantizer.codebooks[0]
    assert isinstance(codebook, Codebook)
    codes = quantizer.encode(codebook.vectors[None])[0, :, 0]
    assert torch.equal(codebook.vectors[codes], codebook.vectors)


def test_each_quantiser_leaves_less() -> None:
    quantizer, x = fitted()
    codes = quantizer.encode(x)
    errors = [
        float((quantizer.decode(codes[..., :count]) - x).square().mean()) for count in (1, 2, 3)
    ]
    assert errors[0] > errors[1] > errors[2]
    assert errors[0] < 0.2 * float(x.var())
    every = quantizer.vectors(codes)
    torch.testing.assert_close(every[:, :, :2].sum(dim=2), quantizer.decode(codes[..., :2]))


def test_the_gradient_passes_straight_through() -> None:
    quantizer, x = fitted()
    x = x.requires_grad_()
    weight = torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    (quantizer(x).latent * weight).sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad, weight)
    x.grad = None
    (quantizer(x).first * weight).sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad, weight)


def test_commitment_draws_the_input_to_its_vectors() -> None:
    quantizer, x = fitted(quantizers=1)
    x = x.requires_grad_()
    found = quantizer(x)
    found.commitment.backward()
    assert x.grad is not None
    expected = 2.0 * (x - found.latent).detach() / x.numel()
    torch.testing.assert_close(x.grad, expected)


def test_codebooks_move_in_training_alone() -> None:
    quantizer, x = fitted()
    before = {name: value.clone() for name, value in quantizer.state_dict().items()}
    quantizer(5.0 * x)
    quantizer.encode(5.0 * x)
    assert all(torch.equal(v, before[n]) for n, v in quantizer.state_dict().items())
    quantizer.train()(5.0 * x)
    assert not torch.equal(
        quantizer.state_dict()["codebooks.0.vectors"], before["codebooks.0.vectors"]
    )


def test_the_moving_average_is_that_of_the_nearest() -> None:
    codebook = Codebook(2, 1, 0.99)
    codebook.vectors.copy_(torch.tensor([[0.0], [10.0]]))
    codebook.use.copy_(torch.tensor([1.0, 1.0]))
    codebook.update(torch.tensor([[1.0], [3.0], [9.0]]))
    torch.testing.assert_close(codebook.use, torch.tensor([0.99 + 0.02, 0.99 + 0.01]))
    expected = torch.tensor([[0.04 / 1.01], [(9.9 + 0.09) / 1.0]])
    torch.testing.assert_close(codebook.vectors, expected)


def test_dead_codes_revive() -> None:
    """Vectors far from everything become inputs, and all are used in the end."""
    torch.manual_seed(0)
    codebook, x = Codebook(8, 4), clusters().flatten(0, 1)
    codebook.update(x)
    with torch.no_grad():
        codebook.vectors[3:] = 100.0
        codebook.use[3:] = 0.1 * DEAD * float(codebook.use.mean())
    assert int(codebook.nearest(x).max()) < 3
    codebook.update(x)
    assert bool((torch.cdist(codebook.vectors[3:], x).amin(dim=1) < 1e-3).all())
    for _ in range(200):
        codebook.update(x)
    assert len(codebook.nearest(x).unique()) == 8


def test_fewer_quantisers_in_some_of_the_training() -> None:
    quantizer, x = fitted()
    quantizer.dropout = 1.0
    torch.manual_seed(1)
    found = quantizer.train()(x)
    every = quantizer.decode(found.codes)
    whole = (every - found.latent).abs().amax(dim=(1, 2)) < 0.2  # the codebooks moved a little
    assert 0 < int(whole.sum()) < len(x)
    quantizer.dropout = 0.0
    found = quantizer(x)
    assert bool(((quantizer.decode(found.codes) - found.latent).abs() < 0.2).all())


def test_an_empty_codebook_is_known() -> None:
    quantizer = ResidualQuantizer(2, 4, 3)
    assert not quantizer.trained
    quantizer(torch.randn(2, 5, 3))
    assert quantizer.trained
    with pytest.raises(ConfigError, match="quantizers: found 0; expected 1 or more"):
        ResidualQuantizer(0)
