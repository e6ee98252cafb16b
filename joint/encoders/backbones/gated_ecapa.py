"""ECAPA-TDNN with gates on its inner channels, for structured pruning."""

from collections.abc import Sequence

from torch import nn

from joint.encoders.backbones.ecapa import EcapaTdnn
from joint.encoders.frames import Frames, Padding
from joint.layers.hard_concrete import HardConcrete


class GatedEcapaTdnn(EcapaTdnn):
    """An ECAPA-TDNN whose `gates` shut, in training, inner channels that it can do without.

    They are on the channels inside each block, the same ones in every group of its Res2 part
    (`hidden1` …), on the units of its squeeze-excitation (`units1` …), and on the `aggregated`
    channels. What runs between the blocks stays as wide as it is, so that the layers of the smaller
    network have the shapes of the larger one's. `joint.encoders.pruning` removes what is shut.

    The parameters beside `gates` are those of EcapaTdnn, by the same names.
    """

    def __init__(
        self,
        features: int = 80,
        channels: int = 512,
        aggregated: int = 1536,
        scale: int = 8,
        bottleneck: int | Sequence[int] = 128,
        padding: Padding = "zeros",
        last_norm: bool = False,
        hidden: Sequence[int] | None = None,
    ) -> None:
        super().__init__(
            features, channels, aggregated, scale, bottleneck, padding, last_norm, hidden
        )
        sizes = {"aggregated": aggregated}
        for i, block in enumerate(self.se_blocks(), 1):
            sizes[f"hidden{i}"] = block.res2.width
            sizes[f"units{i}"] = block.gate.squeeze.out_features
        self.gates = nn.ModuleDict({name: HardConcrete(size) for name, size in sizes.items()})

    def forward(self, frames: Frames) -> tuple[Frames, dict[str, Frames]]:
        """As EcapaTdnn, under one draw of the gates for the whole batch."""
        drawn = {name: gate() for name, gate in self.gates.items()}
        places = range(1, len(self.blocks) + 1)
        of_blocks = [(drawn[f"hidden{i}"], drawn[f"units{i}"]) for i in places]
        return self.encode(frames, of_blocks, drawn["aggregated"])
