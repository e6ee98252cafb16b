"""Outputs of all layers of an encoder, which probes are trained on."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from joint.data.batching import batches_by_length
from joint.encoders.encoder import SpeakerEncoder
from joint.encoders.frames import Frames, frame_counts
from joint.errors import DataError
from joint.outputs import Layer, SpeakerEncoding
from joint.training.precision import autocast_for
from joint.units import SAMPLE_RATE

FEATURES, LAST, EMBEDDING = "features", "frames", "embedding"
"""The front-end's output, the input of the pooling, and the embedding; the layers of the backbone
are between them."""


@dataclass
class LayerOutputs:
    """Outputs of `n` recordings, float32, layers in order: `pooled[layer] (n, 2·D)`, mean and
    standard deviation over time (of the embedding, itself), and `frames[layer] (m, D)`, the frames
    at the requested instants."""

    pooled: dict[str, np.ndarray]
    frames: dict[str, np.ndarray] = field(default_factory=dict)


def layer_outputs(
    encoder: SpeakerEncoder,
    waveforms: Sequence[np.ndarray],
    instants: Sequence[np.ndarray] | None = None,
    precision: str = "auto",
) -> LayerOutputs:
    """Outputs of all layers for `waveforms`, float32 at 16 kHz; `instants` are, for each waveform,
    the samples at which the nearest frame of every layer is kept. Leaves the encoder in eval
    mode."""
    pooled: dict[str, list[np.ndarray]] = {}
    frames: dict[str, list[np.ndarray]] = {}
    order: list[int] = []
    for chosen, audio, lengths in _batches(encoder, waveforms):
        with torch.inference_mode(), autocast_for(precision, audio.device):
            encoding = encoder(audio, lengths, None)
            features = encoder.frontend(audio, lengths)
        for name, vectors in _pooled(encoding, features).items():
            pooled.setdefault(name, []).append(vectors.float().cpu().numpy())
        if instants is not None:
            layers = {FEATURES: features.layer(), **encoding.layers}
            wanted = [torch.from_numpy(instants[i]).to(audio.device) for i in chosen]
            for name, layer in layers.items():
                frames.setdefault(name, []).extend(_frames_at(layer, wanted))
        order += chosen
    back = np.argsort(order)
    return LayerOutputs(
        {name: np.concatenate(parts)[back] for name, parts in pooled.items()},
        {name: np.concatenate([parts[i] for i in back]) for name, parts in frames.items()},
    )


def layer_names(encoder: SpeakerEncoder) -> tuple[str, ...]:
    """The names of the layers in `LayerOutputs.pooled`. Leaves the encoder in eval mode."""
    second = np.zeros(SAMPLE_RATE, dtype=np.float32)
    second[0] = 1.0
    return tuple(layer_outputs(encoder, [second]).pooled)


def check_layers(encoder: SpeakerEncoder, names: Sequence[str]) -> None:
    """Raise DataError for a layer that the encoder does not have."""
    known = layer_names(encoder) if names else ()
    if unknown := [name for name in names if name not in known]:
        raise DataError(f"layer {unknown[0]}", "no such layer", " or ".join(known))


def embeddings_of(
    encoder: SpeakerEncoder, waveforms: Sequence[np.ndarray], precision: str = "auto"
) -> np.ndarray:
    """The embeddings `(n, E)` float32. Leaves the encoder in eval mode."""
    found: dict[int, np.ndarray] = {}
    for chosen, audio, lengths in _batches(encoder, waveforms):
        with torch.inference_mode(), autocast_for(precision, audio.device):
            embeddings = encoder(audio, lengths).embedding
        found |= dict(zip(chosen, embeddings.float().cpu().numpy(), strict=True))
    return np.stack([found[i] for i in range(len(waveforms))])


def _batches(
    encoder: SpeakerEncoder, waveforms: Sequence[np.ndarray]
) -> Iterator[tuple[list[int], Tensor, Tensor]]:
    """The positions of the waveforms, `audio (B, S)` and `lengths (B,)` of each batch, on the
    encoder's device; sets the encoder to eval mode."""
    device = next(encoder.eval().parameters()).device
    for chosen in batches_by_length([len(w) for w in waveforms]):
        lengths = torch.tensor([len(waveforms[i]) for i in chosen], device=device)
        audio = torch.zeros(len(chosen), int(lengths.max()), device=device)
        for row, i in enumerate(chosen):
            audio[row, : lengths[row]] = torch.from_numpy(waveforms[i])
        yield chosen, audio, lengths


def _pooled(encoding: SpeakerEncoding, features: Frames) -> dict[str, Tensor]:
    first = mean_and_deviation(features.features.transpose(1, 2), features.full_mask())
    inner = {n: mean_and_deviation(x.features, x.mask) for n, x in encoding.layers.items()}
    last = mean_and_deviation(*encoding.need_frames("probe"))
    return {FEATURES: first, **inner, LAST: last, EMBEDDING: encoding.embedding}


def mean_and_deviation(features: Tensor, mask: Tensor) -> Tensor:
    """Mean and standard deviation over the frames of `mask (B, F)`: `(B, D, F)` → `(B, 2·D)`."""
    weight = mask.unsqueeze(1).float()
    count = weight.sum(dim=2).clamp(min=1.0)
    mean = (features.float() * weight).sum(dim=2) / count
    square = ((features.float() - mean.unsqueeze(2)).square() * weight).sum(dim=2) / count
    return torch.cat([mean, square.clamp(min=1e-10).sqrt()], dim=1)


def _frames_at(layer: Layer, instants: Iterable[Tensor]) -> list[np.ndarray]:
    """The frames `(m, D)` of each recording that are nearest to its instants."""
    found = []
    for features, mask, samples in zip(layer.features, layer.mask, instants, strict=True):
        nearest = torch.round((samples - layer.offset) / layer.hop).long()
        place = nearest.clamp(min=0).clamp(max=int(frame_counts(mask[None])) - 1)
        found.append(features[:, place].T.float().cpu().numpy())
    return found
