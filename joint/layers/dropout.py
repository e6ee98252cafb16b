"""Dropout that costs a third on a processor, where drawing its masks takes longer than using
them."""

import torch
from torch import Tensor, nn

STEPS = 256


class ByteDropout(nn.Dropout):
    """Dropout (Srivastava et al., JMLR 2014) with a mask of random bytes: one draw of the
    generator serves eight values. On processors `p` is rounded to a multiple of 1/256."""

    def forward(self, x: Tensor) -> Tensor:
        """`x` of any shape; as it is in evaluation."""
        dropped = round(STEPS * self.p)
        if x.device.type != "cpu" or not 0 < dropped < STEPS:
            return super().forward(x)
        if not self.training:
            return x
        draws = torch.empty(-(-x.numel() // 8), dtype=torch.int64).random_(-(2**63), None)
        kept = draws.view(torch.uint8)[: x.numel()].view(x.shape) >= dropped
        return x * kept.to(x.dtype).mul_(STEPS / (STEPS - dropped))
