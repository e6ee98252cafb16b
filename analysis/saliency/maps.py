"""Class activation maps: which cells of a recording a score rests on.

The score is any function of the recording: the cosine with another one's embedding, or how well
an extractor does that was given the recording as its enrolment. The layer is any of the shared
encoder's, or the recording's own cells.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from analysis.saliency.cells import HOP, Cells
from joint.encoders.encoder import SpeakerEncoder
from joint.encoders.frames import Frames
from joint.errors import DataError
from joint.units import Samples

Score = Callable[[Tensor], Tensor]
"""Recordings `(B, S)` to scores `(B,)`."""

CELLS = "cells"
"""In place of a layer's name: the cells themselves."""
CHANNELS = 48
"""Score-CAM tries the most active channels, at most so many."""


@dataclass(frozen=True)
class Activation:
    """A layer of one recording and the score's gradient there: `values (C, bands, F)`,
    `gradient` alike; frame f is centred on Sample `offset + hop · f`."""

    values: Tensor
    gradient: Tensor
    hop: Samples
    offset: Samples


def activation(encoder: SpeakerEncoder, cells: Cells, score: Score, layer: str) -> Activation:
    """What `layer` holds while the score of the whole recording is computed.

    Raises DataError for a layer that is not there or that the score does not depend on.
    """
    gains = torch.ones(cells.shape, requires_grad=True)
    with _watched(encoder) as layers, torch.enable_grad():
        value = score(cells.heard(gains)[None])[0]
        if layer == CELLS:
            (gradient,) = torch.autograd.grad(value, gains)
            return Activation(gains.detach()[None], gradient[None], HOP, 0)
        if layer not in layers:
            raise DataError(f"layer {layer}", "no such layer", " or ".join([CELLS, *layers]))
        frames = layers[layer]
        inner = frames.features if frames.image is None else frames.image
        (found,) = torch.autograd.grad(value, inner, allow_unused=True)
    if found is None:
        raise DataError(f"layer {layer}", "no way from it to the score", CELLS)
    if frames.image is None:
        inner, found = (t.transpose(1, 2).unsqueeze(2) for t in (inner, found))
    hop = encoder.frontend.hop * frames.stride
    return Activation(inner[0].detach().float(), found[0].float(), hop, encoder.frontend.offset)


@contextmanager
def _watched(encoder: SpeakerEncoder) -> Iterator[Mapping[str, Frames]]:
    """The layers of the encoder's latest run, as its graph holds them."""
    seen: dict[str, Frames] = {}

    def keep(_module: Any, _inputs: Any, output: tuple[Frames, dict[str, Frames]]) -> None:
        seen.clear()
        seen.update(output[1])

    handle = encoder.backbone.register_forward_hook(keep)
    try:
        yield seen
    finally:
        handle.remove()


def layer_cam(at: Activation, cells: Cells, score: Score) -> Tensor:
    """Layer-CAM (Jiang et al., IEEE TIP 2021, eq. 5): positive gradients times activations."""
    return cells.spread((at.gradient.relu() * at.values).sum(dim=0).relu(), at.hop, at.offset)


def grad_cam_plus_plus(at: Activation, cells: Cells, score: Score) -> Tensor:
    """Grad-CAM++ (Chattopadhay et al., WACV 2018, eq. 10 and 19): a weight a channel."""
    squares, cubes = at.gradient.square(), at.gradient.pow(3)
    total = at.values.sum(dim=(1, 2), keepdim=True)
    share = squares / (2.0 * squares + total * cubes).where(squares > 0, torch.ones(()))
    weight = (share * at.gradient.relu()).sum(dim=(1, 2), keepdim=True)
    return cells.spread((weight * at.values).sum(dim=0).relu(), at.hop, at.offset)


def score_cam(at: Activation, cells: Cells, score: Score) -> Tensor:
    """Score-CAM (Wang et al., CVPR workshops 2020, eq. 4 to 6): channels weigh as much as the score
    of the recording heard through them; no gradient. The `CHANNELS` most active ones are tried."""
    chosen = at.values.relu().mean(dim=(1, 2)).topk(min(CHANNELS, len(at.values))).indices
    masks = cells.spread(at.values[chosen], at.hop, at.offset)
    low, high = masks.amin(dim=(1, 2), keepdim=True), masks.amax(dim=(1, 2), keepdim=True)
    masks = (masks - low) / (high - low).clamp(min=1e-8)
    with torch.no_grad():
        silent = score(cells.heard(torch.zeros(cells.shape))[None])
        gains = torch.cat([score(cells.heard(part)) for part in masks.split(8)]) - silent
    weight = (gains / gains.std(correction=0).clamp(min=1e-6)).softmax(dim=0)
    return (weight[:, None, None] * masks).sum(dim=0)


Method = Callable[[Activation, Cells, Score], Tensor]
METHODS: dict[str, Method] = {
    "layer-cam": layer_cam,
    "grad-cam++": grad_cam_plus_plus,
    "score-cam": score_cam,
}
"""From a layer's activation to a map `(bands, frames)`, not negative."""
