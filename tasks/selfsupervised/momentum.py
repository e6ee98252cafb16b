"""A momentum encoder: a copy of networks that follows them as an exponential average."""

from collections.abc import Iterator
from copy import deepcopy
from typing import cast

import torch
from torch import Tensor, nn

from joint.encoders.encoder import SpeakerEncoder
from joint.errors import ConfigError
from joint.outputs import SpeakerEncoding


class MomentumEncoder(nn.Module):
    """A copy of the shared encoder and, where a task has one, of its `head`; no gradient reaches
    it.

    Its parameters follow as θ' ← m·θ' + (1 − m)·θ (He et al., CVPR 2020, eq. 2). Its norms have
    statistics of their own.
    """

    def __init__(self, encoder: SpeakerEncoder, head: nn.Module | None = None) -> None:
        super().__init__()
        self.encoder = deepcopy(encoder).requires_grad_(False)
        self.head = nn.Identity() if head is None else deepcopy(head).requires_grad_(False)

    @torch.no_grad()
    def forward(self, audio: Tensor, lengths: Tensor) -> Tensor:
        """What the copies give for `audio (B, K, S)` and `lengths (B, K)`: `(B·K, E)`."""
        encoding: SpeakerEncoding = self.encoder(audio.flatten(0, -2), lengths.flatten())
        return cast(Tensor, self.head(encoding.embedding))

    @torch.no_grad()
    def follow(self, encoder: nn.Module, head: nn.Module | None, momentum: float) -> None:
        """Move towards the networks that this is a copy of; with momentum 0 be equal to them, their
        statistics included."""
        for own, other in self._pairs(encoder, head):
            for mine, theirs in zip(own.parameters(), other.parameters(), strict=True):
                mine.lerp_(theirs.detach(), 1.0 - momentum)
            if momentum == 0.0:
                own.load_state_dict(other.state_dict())

    def _pairs(
        self, encoder: nn.Module, head: nn.Module | None
    ) -> Iterator[tuple[nn.Module, nn.Module]]:
        yield self.encoder, encoder
        if head is not None:
            yield self.head, head


def share(name: str, value: float) -> float:
    """`value`. Raises ConfigError for one that is not from 0 on and below 1."""
    if not 0.0 <= value < 1.0:
        raise ConfigError(name, f"{value:g}", "0 or more, below 1")
    return value
