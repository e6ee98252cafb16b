"""SpeakerEncoder: the one encoder that every task shares."""

from collections.abc import Callable, Iterable
from typing import cast

import torch
from torch import Tensor, nn

from joint.encoders.frontends.filterbank import Frontend
from joint.outputs import SpeakerEncoding


class SpeakerEncoder(nn.Module):
    """Front-end, backbone, pooling, projection: a recording becomes frames and one embedding.

    `backbone` maps `Frames` to the last `Frames` and its named intermediate layers, and has
    `output_dim`; `pooling` is called with that width and maps `Frames` to `(B, P)`, which is
    normalised over the batch unless `norm` is off. With `second_layer` the projection is followed
    by ReLU, norm and one more, as the x-vector has it. A padded recording gets the embedding that
    it has alone.
    """

    def __init__(
        self,
        frontend: Frontend,
        backbone: nn.Module,
        pooling: Callable[[int], nn.Module],
        embedding_dim: int = 192,
        second_layer: bool = False,
        norm: bool = True,
    ) -> None:
        super().__init__()
        self.frontend = frontend
        self.backbone = backbone
        self.pooling = pooling(output_dim(backbone))
        pooled = output_dim(self.pooling)
        self.norm = nn.BatchNorm1d(pooled) if norm else nn.Identity()
        self.projection = nn.Linear(pooled, embedding_dim)
        self.second: nn.Sequential | None = None
        if second_layer:
            self.second = nn.Sequential(
                nn.ReLU(), nn.BatchNorm1d(embedding_dim), nn.Linear(embedding_dim, embedding_dim)
            )
        self.embedding_dim = embedding_dim
        self.frame_dim = output_dim(backbone)

    def forward(
        self,
        waveform: Tensor,
        lengths: Tensor | None = None,
        layers: tuple[str, ...] | None = (),
    ) -> SpeakerEncoding:
        """`waveform (B, S)` in [-1, 1], `lengths (B,)` in Samples (all of S where None); `layers`
        names the intermediate layers to keep, all of them where None. Raises KeyError for a layer
        that is not there."""
        if lengths is None:
            lengths = torch.full((waveform.shape[0],), waveform.shape[1], device=waveform.device)
        read = self.frontend(waveform, lengths)
        frames, inner = self.backbone(read)
        inner = {**read.layers, **inner}
        embedding = self.projection(self.norm(self.pooling(frames)))
        if self.second is not None:
            embedding = self.second(embedding)
        return SpeakerEncoding(
            embedding=embedding.float(),
            frames=frames.features.transpose(1, 2),
            frame_mask=frames.full_mask(),
            waveform=waveform,
            lengths=lengths,
            layers={name: inner[name].layer() for name in chosen(layers, inner)},
        )


def chosen(layers: Iterable[str] | None, inner: Iterable[str]) -> Iterable[str]:
    """The names that were asked for, which is all where None."""
    return inner if layers is None else layers


def output_dim(part: nn.Module) -> int:
    """Channels that a backbone or a pooling gives."""
    return int(cast(int, part.output_dim))
