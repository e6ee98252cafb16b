"""Adapters: one task's own view of the shared encoder, whose weights stay as they are.

An adapter is made for an encoder and is the identity until it is trained. It holds the parameters
that one task trains; the encoder's own get no gradient and its norms' statistics, in eval mode, do
not move. A pretrained network inside an encoder can have one too (`PretrainedFrontend.tuning`).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call

from joint.encoders.encoder import SpeakerEncoder
from joint.errors import ConfigError
from joint.outputs import SpeakerEncoding

KINDS = (nn.Linear, nn.Conv1d, nn.Conv2d)
"""Layers whose weights are matrices, once they are flattened."""


class Adapter(nn.Module, ABC):
    """Runs an encoder, which is in eval mode, with one task's changes.

    A constructor takes that encoder, or another network, first; the adapter does not own it.
    """

    @abstractmethod
    def run(self, network: nn.Module, values: Mapping[str, Tensor], *inputs: Any) -> Any:
        """What the network gives for `inputs` with its parameters' `values`, all by their names,
        and with this adapter's changes."""

    def forward(
        self,
        encoder: SpeakerEncoder,
        waveform: Tensor,
        lengths: Tensor | None = None,
        layers: tuple[str, ...] | None = (),
    ) -> SpeakerEncoding:
        """`waveform (B, S)`, `lengths (B,)` and `layers` as the encoder takes them; the gradient
        goes to the adapter and to the waveform, none to the encoder."""
        inputs = waveform, lengths, layers
        return cast(SpeakerEncoding, self.run(encoder, constants(encoder), *inputs))

    def merge(self, encoder: nn.Module) -> None:
        """Put the trained changes into the encoder's own weights.

        Raises ConfigError where no weights could hold them.
        """
        raise ConfigError("adapter", type(self).__name__, "one that weights can hold: LowRank")


class LowRank(Adapter):
    """W + alpha/rank · B·A in place of W (Hu et al., ICLR 2022, eq. 3), for all linear and
    convolutional layers of the parts that `layers` names.

    `*` stands for one name between dots: `backbone.blocks.*.merge`. A convolution's kernel counts
    as inputs; no product has a higher rank than its weight can have. A is drawn from a Gaussian, B
    is zero. Raises ConfigError for a name that means no such layer, a rank or alpha not above 0.
    """

    def __init__(
        self,
        encoder: nn.Module,
        rank: int = 8,
        alpha: float = 8.0,
        layers: Sequence[str] = ("backbone",),
    ) -> None:
        super().__init__()
        if rank <= 0:
            raise ConfigError("rank", str(rank), "1 or more")
        if alpha <= 0:
            raise ConfigError("alpha", f"{alpha:g}", "more than 0")
        self.scale = alpha / rank
        self.down, self.up = nn.ParameterDict(), nn.ParameterDict()
        self.names = weights_of(encoder, layers)
        for name in self.names:
            weight = encoder.get_parameter(name)
            outputs, inputs = weight.flatten(1).shape
            own = min(rank, outputs, inputs)
            down = torch.randn(own, inputs, device=weight.device) * inputs**-0.5
            self.down[key_of(name)] = nn.Parameter(down)
            self.up[key_of(name)] = nn.Parameter(torch.zeros(outputs, own, device=weight.device))
        self.merged: tuple[nn.Module, dict[str, Tensor]] | None = None

    def delta(self, name: str) -> Tensor:
        """What is added to the weight called `name`, flat: `(out, in · kernel)`, in float32."""
        up, down = self.up[key_of(name)], self.down[key_of(name)]
        # autocast would round the product, and merged weights would be others than these
        with torch.autocast(up.device.type, enabled=False):
            product: Tensor = up @ down
        return self.scale * product

    def run(self, network: nn.Module, values: Mapping[str, Tensor], *inputs: Any) -> Any:
        """See Adapter. Raises ConfigError for a network that it is merged into."""
        if self.merged is not None and self.merged[0] is network:
            raise ConfigError("adapter", "merged weights", "the encoder's own: unmerge it")
        changed = {n: values[n] + self.delta(n).view_as(values[n]) for n in self.names}
        return functional_call(network, {**values, **changed}, inputs)

    @torch.no_grad()
    def merge(self, encoder: nn.Module) -> None:
        """Add the trained changes to the encoder's own weights, in place: the plain encoder then
        gives what the adapter gave. Raises ConfigError where it is merged already."""
        if self.merged is not None:
            raise ConfigError("adapter", "merged weights", "one that is not merged")
        weights = {name: encoder.get_parameter(name) for name in self.names}
        self.merged = encoder, {name: weight.clone() for name, weight in weights.items()}
        for name, weight in weights.items():
            weight.add_(self.delta(name).view_as(weight))

    @torch.no_grad()
    def unmerge(self, encoder: nn.Module) -> None:
        """Give the encoder the very weights that it had. Raises ConfigError where the adapter is
        not merged into it."""
        if self.merged is None or self.merged[0] is not encoder:
            raise ConfigError("adapter", "weights that are not merged", "merged ones")
        for name, weight in self.merged[1].items():
            encoder.get_parameter(name).copy_(weight)
        self.merged = None


def constants(encoder: nn.Module) -> dict[str, Tensor]:
    """The encoder's parameters by name, as constants."""
    return {name: parameter.detach() for name, parameter in encoder.named_parameters()}


def key_of(name: str) -> str:
    """A dotted name as torch takes it for a parameter of an adapter's."""
    return name.removesuffix(".weight").replace(".", "-")


def parts_of(encoder: nn.Module, patterns: Sequence[str]) -> dict[str, dict[str, nn.Module]]:
    """By pattern, the parts of the encoder that it means, by their dotted names.

    Raises ConfigError for a pattern that means none, with the nearest names.
    """
    if isinstance(patterns, str) or not patterns:
        raise ConfigError("layers", repr(patterns), "a list of names")
    parts = {name: part for name, part in encoder.named_modules() if name}
    found = {}
    for pattern in patterns:
        found[pattern] = {name: part for name, part in parts.items() if means(pattern, name)}
        if not found[pattern]:
            raise ConfigError("layers", f"no {pattern!r}", nearest(pattern, parts))
    return found


def means(pattern: str, name: str) -> bool:
    """Whether a dotted `name` fits `pattern`, whose `*` stay between two dots."""
    expected, given = pattern.split("."), name.split(".")
    return len(expected) == len(given) and all(map(fnmatchcase, given, expected))


def nearest(pattern: str, names: Any) -> str:
    """The three names that are most like `pattern`."""
    return " or ".join(get_close_matches(pattern, list(names), 3, 0.0)) or "no name"


def weights_of(encoder: nn.Module, patterns: Sequence[str]) -> list[str]:
    """Names of the trainable weights of all layers of KINDS in the parts that are meant.

    Raises ConfigError for a pattern that means no such layer, with the nearest names of some.
    """
    able = {
        name
        for name, layer in encoder.named_modules()
        if isinstance(layer, KINDS) and isinstance(layer.weight, nn.Parameter)
    }
    found: dict[str, None] = {}
    for pattern, parts in parts_of(encoder, patterns).items():
        inside = [n for part in parts for n in able if n == part or n.startswith(f"{part}.")]
        if not inside:
            expected = nearest(pattern, able)
            raise ConfigError("layers", f"{pattern!r} without weights to adapt", expected)
        found |= dict.fromkeys(f"{name}.weight" for name in sorted(inside))
    return list(found)
