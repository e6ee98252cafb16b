"""TF-Map: for every frame of a mixture, the spectrum that the enrolled speaker would have there."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class TfMap(nn.Module):
    """Each frame of the mixture looks up the frames of the enrolment that are like it: their mean,
    weighted by a softmax of the cosines, is the shape of the expected spectrum, and the mixture's
    projection on that shape is its size (Zhang, Li, Wang, Wei, Wang, Wang, Li, "Multi-Level Speaker
    Representation for Target Speaker Extraction", ICASSP 2025). It has no parameters.

    `sharpness` multiplies the cosines. The paper has 1, with which nearly all frames of an
    enrolment count alike; with 10 the map is nearer to the target and farther from the interferer
    (figures in recipes/librimix/README.md).
    """

    def __init__(self, sharpness: float = 10.0) -> None:
        super().__init__()
        self.sharpness = sharpness

    @torch.no_grad()
    def forward(self, mixture: Tensor, enrollment: Tensor, mask: Tensor) -> Tensor:
        """Magnitudes `mixture (B, T, bins)` and `enrollment (B, F, bins)`, whose frames count where
        `mask (B, F)` is True → expected magnitudes `(B, T, bins)`, in float32 and without gradient.
        """
        with torch.autocast(mixture.device.type, enabled=False):
            mixture, enrollment = mixture.float(), F.normalize(enrollment.float(), dim=2)
            cosine = F.normalize(mixture, dim=2) @ enrollment.transpose(1, 2)
            weight = (self.sharpness * cosine).masked_fill(~mask[:, None], -torch.inf)
            shape = F.normalize(weight.softmax(dim=2) @ enrollment, dim=2)
            size = (mixture * shape).sum(dim=2, keepdim=True)
            return size * shape
