"""Bottleneck adapters: small residual networks behind layers of an encoder that is not trained."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from joint.adapters.low_rank import Adapter, key_of, parts_of
from joint.errors import ConfigError
from joint.layers.modes import evaluating
from joint.units import SAMPLE_RATE

Hook = Callable[[nn.Module, Any, Any], Any]


class Bottleneck(Adapter):
    """h + up(ReLU(down(h))) in place of what each of `layers` gives, `width` channels in between
    (Houlsby et al., ICML 2019, fig. 2); `up` is zero at first. A `parallel` one reads what the
    layer reads, which must be as wide: h + up(ReLU(down(input))) (He et al., ICLR 2022).

    `*` stands for one name between dots: `backbone.blocks.*`. Without biases zeros stay zeros: what
    a backbone hides of the padding stays hidden. Raises ConfigError for a name that means no layer,
    a layer that does not give one tensor of frames or of images, a width not above 0.
    """

    def __init__(
        self,
        encoder: nn.Module,
        layers: Sequence[str],
        width: int = 16,
        parallel: bool = False,
    ) -> None:
        super().__init__()
        self.parallel = parallel
        if width <= 0:
            raise ConfigError("width", str(width), "1 or more")
        parts = [name for found in parts_of(encoder, layers).values() for name in found]
        self.names = list(dict.fromkeys(parts))
        self.down, self.up = nn.ModuleDict(), nn.ModuleDict()
        device = next(encoder.parameters()).device
        for name, channels in channels_of(encoder, self.names).items():
            self.down[key_of(name)] = nn.Linear(channels, width, bias=False, device=device)
            self.up[key_of(name)] = up = nn.Linear(width, channels, bias=False, device=device)
            nn.init.zeros_(up.weight)

    def behind(self, key: str, _layer: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        """What follows a layer's `output (B, …, D)`, or `(B, D, bands, F)`, in its place."""
        axis = channel_axis(output)
        features = (inputs[0] if self.parallel else output).movedim(axis, -1)
        change: Tensor = self.up[key](F.relu(self.down[key](features)))
        return output + change.movedim(-1, axis).to(output.dtype)

    def run(self, network: nn.Module, values: Mapping[str, Tensor], *inputs: Any) -> Any:
        """See Adapter."""
        hooks = {name: partial(self.behind, key_of(name)) for name in self.names}
        with hooked(network, hooks.items()):
            return functional_call(network, dict(values), inputs)


def channel_axis(output: Tensor) -> int:
    """Images have their channels after the batch, all else at the end."""
    return 1 if output.ndim == 4 else -1


def hooked(encoder: nn.Module, hooks: Iterable[tuple[str, Hook]]) -> ExitStack:
    """A context in which parts of the encoder, by name, have forward hooks."""
    stack = ExitStack()
    for name, hook in hooks:
        stack.callback(encoder.get_submodule(name).register_forward_hook(hook).remove)
    return stack


def channels_of(encoder: nn.Module, names: Sequence[str]) -> dict[str, int]:
    """Channels of what the layers of these names give.

    Raises ConfigError for one that gives no tensor, or not one of as many channels whatever the
    recording's length, or not once.
    """
    met: dict[str, list[int | None]] = {name: [] for name in names}

    def keep(name: str, _layer: nn.Module, _inputs: Any, output: Any) -> None:
        known = isinstance(output, Tensor)
        met[name].append(output.shape[channel_axis(output)] if known else None)

    device = next(encoder.parameters()).device
    hooks = [(name, partial(keep, name)) for name in names]
    with torch.no_grad(), evaluating(encoder), hooked(encoder, hooks):
        for samples in (SAMPLE_RATE // 2, SAMPLE_RATE):
            encoder(torch.zeros(1, samples, device=device))
    for name, widths in met.items():
        if len(widths) != 2 or widths[0] is None or widths[0] != widths[1]:
            expected = "layers that give frames (B, F, D) or images (B, D, bands, F), once each"
            raise ConfigError("layers", name, expected)
    return {name: widths[0] for name, widths in met.items() if widths[0] is not None}
