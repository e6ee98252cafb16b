"""The attention: its formula, and that padding does not count."""

import torch

from joint.encoders.backbones.residual.simam import SMALLEST, simam


def test_formula() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 3, 4, 5)
    found = simam(x, None)
    for row, heard in zip(x.flatten(0, 1), found.flatten(0, 1), strict=True):
        away = (row - row.mean()) ** 2
        energy = away / (4 * (row.var() + SMALLEST)) + 0.5
        torch.testing.assert_close(heard, row * torch.sigmoid(energy))


def test_padding_does_not_count() -> None:
    torch.manual_seed(0)
    x, mask = torch.randn(2, 3, 4, 5), torch.arange(5) < torch.tensor([[5], [3]])
    x[1, :, :, 3:] = 7.0
    alone = simam(x[1:, :, :, :3], None)
    torch.testing.assert_close(simam(x, mask)[1:, :, :, :3], alone)
