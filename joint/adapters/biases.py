"""BitFit: of a network that is not trained, its biases move."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from joint.adapters.low_rank import Adapter, key_of, nearest, parts_of
from joint.errors import ConfigError


class Biases(Adapter):
    """b + d in place of every bias b of the parts that `layers` names, with a learnt d that is zero
    at first (Ben Zaken et al., ACL 2022).

    Raises ConfigError for a name that means no part, and for one without a bias.
    """

    def __init__(self, encoder: nn.Module, layers: Sequence[str] = ("backbone",)) -> None:
        super().__init__()
        every = [n for n, _ in encoder.named_parameters() if n.split(".")[-1] == "bias"]
        found: dict[str, None] = {}
        for pattern, parts in parts_of(encoder, layers).items():
            inside = [n for n in every for part in parts if n.startswith(f"{part}.")]
            if not inside:
                expected = nearest(pattern, [n.removesuffix(".bias") for n in every])
                raise ConfigError("layers", f"{pattern!r} without a bias", expected)
            found |= dict.fromkeys(inside)
        self.names = list(found)
        biases = {name: encoder.get_parameter(name) for name in self.names}
        self.moved = nn.ParameterDict(
            {key_of(name): torch.zeros_like(bias) for name, bias in biases.items()}
        )

    def run(self, network: nn.Module, values: Mapping[str, Tensor], *inputs: Any) -> Any:
        """See Adapter."""
        changed = {name: values[name] + self.moved[key_of(name)] for name in self.names}
        return functional_call(network, {**values, **changed}, inputs)

    @torch.no_grad()
    def merge(self, encoder: nn.Module) -> None:
        """Add what was learnt to the network's own biases, and begin again at zero."""
        for name in self.names:
            encoder.get_parameter(name).add_(self.moved[key_of(name)])
            self.moved[key_of(name)].zero_()
