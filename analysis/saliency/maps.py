"""Class activation maps: how much each cell of a recording's spectrogram contributes to a score.

The score is any function of the recording: its cosine with the embedding of another recording, or
the SI-SDR of an extractor that has the recording as its enrolment. The layer is any of the shared
encoder's, or the spectrogram itself.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from analysis.saliency.spectrogram import HOP, MaskableSpectrogram
from joint.encoders.encoder import SpeakerEncoder
from joint.encoders.frames import Frames
from joint.errors import DataError
from joint.units import Samples

Score = Callable[[Tensor], Tensor]
"""Recordings `(B, S)` to scores `(B,)`."""

SPECTROGRAM = "spectrogram"
"""In place of a layer's name: the cells of the spectrogram themselves."""
CHANNELS = 48
"""Score-CAM uses the most active channels, at most so many."""


@dataclass(frozen=True)
class Activation:
    """Output of a layer for one recording and the gradient of the score with respect to it, both
    `(C, bands, F)`; frame f is centred on sample `offset + hop · f`."""

    values: Tensor
    gradient: Tensor
    hop: Samples
    offset: Samples


def activation(
    encoder: SpeakerEncoder, spectrogram: MaskableSpectrogram, score: Score, layer: str
) -> Activation:
    """The activation of `layer` while the score of the whole recording is computed.

    Raises DataError for a layer that does not exist or that the score does not depend on.
    """
    gains = torch.ones(spectrogram.shape, requires_grad=True)
    with _watched(encoder) as layers, torch.enable_grad():
        value = score(spectrogram.masked(gains)[None])[0]
        if layer == SPECTROGRAM:
            (gradient,) = torch.autograd.grad(value, gains)
            return Activation(gains.detach()[None], gradient[None], HOP, 0)
        if layer not in layers:
            raise DataError(f"layer {layer}", "no such layer", " or ".join([SPECTROGRAM, *layers]))
        frames = layers[layer]
        inner = frames.features if frames.image is None else frames.image
        (found,) = torch.autograd.grad(value, inner, allow_unused=True)
    if found is None:
        raise DataError(f"layer {layer}", "no path from it to the score", SPECTROGRAM)
    if frames.image is None:
        inner, found = (t.transpose(1, 2).unsqueeze(2) for t in (inner, found))
    return Activation(inner[0].detach().float(), found[0].float(), frames.hop, frames.offset)


@contextmanager
def _watched(encoder: SpeakerEncoder) -> Iterator[Mapping[str, Frames]]:
    """The layers of the encoder's first forward pass, that of the recording, as tensors of its
    graph; an extractor may have the mixture encoded after it."""
    seen: dict[str, Frames] = {}

    def keep(_module: Any, _inputs: Any, output: tuple[Frames, dict[str, Frames]]) -> None:
        if not seen:
            seen.update(output[1])

    handle = encoder.backbone.register_forward_hook(keep)
    try:
        yield seen
    finally:
        handle.remove()


def layer_cam(at: Activation, spectrogram: MaskableSpectrogram, score: Score) -> Tensor:
    """Layer-CAM (Jiang et al., IEEE TIP 2021, eq. 5): positive gradients times activations."""
    return spectrogram.interpolated(
        (at.gradient.relu() * at.values).sum(dim=0).relu(), at.hop, at.offset
    )


def grad_cam_plus_plus(at: Activation, spectrogram: MaskableSpectrogram, score: Score) -> Tensor:
    """Grad-CAM++ (Chattopadhay et al., WACV 2018, eq. 10 and 19): one weight for each channel."""
    squares, cubes = at.gradient.square(), at.gradient.pow(3)
    total = at.values.sum(dim=(1, 2), keepdim=True)
    share = squares / (2.0 * squares + total * cubes).where(squares > 0, torch.ones(()))
    weight = (share * at.gradient.relu()).sum(dim=(1, 2), keepdim=True)
    return spectrogram.interpolated((weight * at.values).sum(dim=0).relu(), at.hop, at.offset)


def score_cam(at: Activation, spectrogram: MaskableSpectrogram, score: Score) -> Tensor:
    """Score-CAM (Wang et al., CVPR workshops 2020, eq. 4 to 6): each channel is weighted by
    the score of the recording masked by it; without gradients. Uses the `CHANNELS` most active
    channels."""
    chosen = at.values.relu().mean(dim=(1, 2)).topk(min(CHANNELS, len(at.values))).indices
    masks = spectrogram.interpolated(at.values[chosen], at.hop, at.offset)
    low, high = masks.amin(dim=(1, 2), keepdim=True), masks.amax(dim=(1, 2), keepdim=True)
    masks = (masks - low) / (high - low).clamp(min=1e-8)
    with torch.no_grad():
        silent = score(spectrogram.masked(torch.zeros(spectrogram.shape))[None])
        gains = torch.cat([score(spectrogram.masked(part)) for part in masks.split(8)]) - silent
    weight = (gains / gains.std(correction=0).clamp(min=1e-6)).softmax(dim=0)
    return (weight[:, None, None] * masks).sum(dim=0)


Method = Callable[[Activation, MaskableSpectrogram, Score], Tensor]
METHODS: dict[str, Method] = {
    "layer-cam": layer_cam,
    "grad-cam++": grad_cam_plus_plus,
    "score-cam": score_cam,
}
"""From a layer's activation to a non-negative map `(bands, frames)`."""
