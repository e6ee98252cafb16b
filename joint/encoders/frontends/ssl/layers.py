"""What a front-end makes of the outputs of a pretrained network's layers.

Each is called with the `width` of the layers and with their number, `count`: the first block's
input and every block's output.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from joint.encoders.frames import masked_mean
from joint.errors import ConfigError

LAYER = "frontend_layer"
"""Layer 0 is what the first block reads, layer n what the n-th block gives."""

VARIANCE_FLOOR = 1e-5
"""Added to variances over time."""


class LayerUse(nn.Module, ABC):
    """From the outputs of all layers, each `(B, F, D)`, to features `(B, F, output_dim)`; `mask
    (B, F)` has the frames that are a recording's own, None where all are."""

    output_dim: int

    @abstractmethod
    def forward(self, outputs: Sequence[Tensor], mask: Tensor | None = None) -> Tensor:
        """See the class."""

    def shares(self) -> dict[str, Tensor]:
        """Learnt weights of the layers, `(count,)` each, by what they weigh; none where there are
        none."""
        return {}


class OneLayer(LayerUse):
    """The output of one layer: the last, or that called `layer`. Raises ConfigError for a name that
    is not there."""

    def __init__(self, width: int, count: int, layer: str | None = None) -> None:
        super().__init__()
        self.output_dim = width
        names = [f"{LAYER}{i}" for i in range(count)]
        if layer is not None and layer not in names:
            raise ConfigError("use.layer", repr(layer), f"{names[0]} to {names[-1]}")
        self.position = names.index(layer) if layer is not None else count - 1

    def forward(self, outputs: Sequence[Tensor], mask: Tensor | None = None) -> Tensor:
        """See LayerUse."""
        return outputs[self.position]


class WeightedSum(LayerUse):
    """The mean of all layers under learnt weights, a softmax over the layers (Yang et al.,
    "SUPERB", Interspeech 2021). With `norm` each of its channels has mean 0 and variance 1 over a
    recording's own frames (Chen et al., ICASSP 2022)."""

    def __init__(self, width: int, count: int, norm: bool = False) -> None:
        super().__init__()
        self.output_dim, self.over_time = width, norm
        self.scores = nn.Parameter(torch.zeros(count))

    def forward(self, outputs: Sequence[Tensor], mask: Tensor | None = None) -> Tensor:
        """See LayerUse."""
        found = weighted(outputs, self.scores)
        return over_time(found, mask) if self.over_time else found

    def shares(self) -> dict[str, Tensor]:
        """See LayerUse."""
        return {"weight": self.scores.detach().softmax(dim=0)}


class InterLayerAdapter(WeightedSum):
    """The weighted sum through a linear layer, ReLU and layer norm, `channels` wide: an adapter
    between layers as Sang and Hansen, ICASSP 2024, have it."""

    def __init__(self, width: int, count: int, channels: int = 512) -> None:
        super().__init__(width, count)
        self.output_dim = channels
        self.linear, self.norm = nn.Linear(width, channels), nn.LayerNorm(channels)

    def forward(self, outputs: Sequence[Tensor], mask: Tensor | None = None) -> Tensor:
        """See LayerUse."""
        found: Tensor = self.norm(self.linear(super().forward(outputs, mask)).relu())
        return found


class LayerAdapters(LayerUse):
    """Multi-scale feature aggregation: every layer through an adapter of its own, `channels` wide,
    all of them side by side (Li et al., "Enhancing speaker verification with w2v-BERT 2.0", 2025).
    """

    def __init__(self, width: int, count: int, channels: int = 128) -> None:
        super().__init__()
        self.output_dim = channels * count
        self.adapters = nn.ModuleList(
            nn.Sequential(
                nn.Linear(width, channels),
                nn.LayerNorm(channels),
                nn.ReLU(),
                nn.Linear(channels, channels),
            )
            for _ in range(count)
        )

    def forward(self, outputs: Sequence[Tensor], mask: Tensor | None = None) -> Tensor:
        """See LayerUse."""
        pairs = zip(self.adapters, outputs, strict=True)
        return torch.cat([adapter(x) for adapter, x in pairs], dim=-1)


class KeysAndValues(LayerUse):
    """Two weighted sums of all layers side by side, for `FactorisedPooling`: its attention reads
    the first, what it pools is the second (Peng et al., SLT 2022)."""

    def __init__(self, width: int, count: int) -> None:
        super().__init__()
        self.output_dim = 2 * width
        self.keys = nn.Parameter(torch.zeros(count))
        self.values = nn.Parameter(torch.zeros(count))

    def forward(self, outputs: Sequence[Tensor], mask: Tensor | None = None) -> Tensor:
        """See LayerUse."""
        return torch.cat([weighted(outputs, s) for s in (self.keys, self.values)], dim=-1)

    def shares(self) -> dict[str, Tensor]:
        """See LayerUse."""
        found = {"keys": self.keys, "values": self.values}
        return {name: scores.detach().softmax(dim=0) for name, scores in found.items()}


def weighted(outputs: Sequence[Tensor], scores: Tensor) -> Tensor:
    """The sum of `outputs`, each `(B, F, D)`, under softmax(`scores`)."""
    weights = scores.softmax(dim=0)
    total = weights[0] * outputs[0]
    for weight, output in zip(weights[1:], outputs[1:], strict=True):
        total = total + weight * output
    return total


def over_time(x: Tensor, mask: Tensor | None) -> Tensor:
    """`x (B, F, D)` with mean 0 and variance 1 of each channel over the frames of `mask (B, F)`."""
    centred = x.float() - masked_mean(x, mask).unsqueeze(1)
    variance = masked_mean(centred.square(), mask).unsqueeze(1)
    return (centred * (variance + VARIANCE_FLOOR).rsqrt()).to(x.dtype)


def layer_shares(frontend: nn.Module) -> dict[str, Tensor]:
    """The learnt weights of a front-end's layers, see LayerUse; none of one without."""
    use = getattr(frontend, "use", None)
    return use.shares() if isinstance(use, LayerUse) else {}
