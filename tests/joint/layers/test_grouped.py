import torch
from torch import nn

from joint.layers.grouped import GroupedLinear


def test_linear_equals_a_loop() -> None:
    torch.manual_seed(0)
    layer = GroupedLinear(5, 7, 3)
    nn.init.normal_(layer.bias)
    x = torch.randn(2, 4, 5, 7)
    loop = [x[:, :, k] @ layer.weight[k] + layer.bias[k, 0] for k in range(5)]
    torch.testing.assert_close(layer(x), torch.stack(loop, dim=2))
