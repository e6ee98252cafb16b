"""Carry heads over to another encoder: what they were trained on, the embedding and an enrolment's
frames, is predicted from what it gives, and the prediction becomes part of their first linear
layers.

    python -m recipes.shipped.carry_over OLD.safetensors NEW.safetensors OUT.safetensors DATA...
        [--heads NAME ...]

NEW gets the heads of OLD that it has not, or those named. OUT is NEW with these layers; the heads'
other tensors stay in OLD, which has to lie beside OUT. DATA are prepared folders of training
recordings: the prediction is a ridge regression between normalised embeddings, and between
normalised frames of the same moment; the residual is told for one speaker in eight, on whom it was
not fitted.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint import SpeakerModel, load
from joint.conditioning.frame_fusion import CrossAttentionFusion
from joint.conditioning.fusion import ConcatFusion, EmbeddingFusion
from joint.data.opening import open_corpus
from joint.errors import CheckpointError, ConfigError
from joint.synthesis.voice import VoiceRange
from joint.terminal import errors_in_one_line
from joint.training import checkpoint
from joint.training.building.model import load_model, to_half
from joint.units import SAMPLE_RATE, Seconds
from tasks.verification.embedding import embed_corpus

RIDGE = 1e-3
HELD_OUT = 8
"""One speaker in so many is left out of the fit."""
FRAMED = 300
"""Recordings of each folder whose frames are fitted, evenly spread."""
LONGEST: Seconds = 4.0
"""Of those at most so much."""


@dataclass(frozen=True)
class Prediction:
    """Normalised old vectors from normalised new ones: `weight (old, new)`, `bias (old,)`."""

    weight: Tensor
    bias: Tensor


@dataclass
class Pairs:
    """New and old vectors of the same recordings, and whose they are."""

    inputs: list[np.ndarray] = field(default_factory=list)
    targets: list[np.ndarray] = field(default_factory=list)
    speakers: list[str] = field(default_factory=list)

    def add(self, inputs: np.ndarray, targets: np.ndarray, speakers: Sequence[str]) -> None:
        """Further rows, `(n, new)` and `(n, old)`, normalised here."""
        self.inputs.append(normalised(inputs))
        self.targets.append(normalised(targets))
        self.speakers += speakers

    def fitted(self) -> tuple[Prediction, dict[str, float]]:
        """The prediction, and how well one that has not seen them predicts held-out speakers."""
        inputs, targets = np.concatenate(self.inputs), np.concatenate(self.targets)
        held_out = np.isin(self.speakers, np.unique(self.speakers)[::HELD_OUT])
        weight, bias = ridge(inputs[~held_out], targets[~held_out])
        found, aim = inputs[held_out] @ weight.T + bias, targets[held_out]
        similarity = F.cosine_similarity(torch.from_numpy(found), torch.from_numpy(aim))
        figures = {
            "explained_variance": 1.0 - float((found - aim).var()) / float(aim.var()),
            "cosine": float(similarity.mean()),
        }
        whole = [torch.from_numpy(part).float() for part in ridge(inputs, targets)]
        return Prediction(*whole), figures


def carry_over(
    old: Path, new: Path, output: Path, folders: Sequence[Path], heads: Sequence[str] = ()
) -> dict[str, float]:
    """Write `output`; gives how well the old vectors are predicted. Raises JointError."""
    embeddings, frames = Pairs(), Pairs()
    models = [load(path, tasks=()) for path in (new, old)]
    for folder in folders:
        corpus = open_corpus(folder)
        found = [embed_corpus(model.embed, corpus) for model in models]
        if found[0].names != found[1].names:
            raise CheckpointError(new, "other readable recordings", f"those of {old}")
        speakers = [f"{folder}/{corpus.by_id[name].speaker}" for name in found[0].names]
        embeddings.add(found[0].embeddings, found[1].embeddings, speakers)
        for place in range(0, len(speakers), max(1, len(speakers) // FRAMED)):
            waveform = corpus.by_id[found[0].names[place]].waveform()
            own, aims = frames_of_moments(models, waveform)
            frames.add(own, aims, len(own) * [speakers[place]])
    of_embedding, figures = embeddings.fitted()
    of_frames, framed = frames.fitted()
    write(old, new, output, of_embedding, of_frames, heads)
    return figures | {f"frames_{name}": value for name, value in framed.items()}


def frames_of_moments(
    models: Sequence[SpeakerModel], waveform: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Frames of two encoders, `(F, D)` and `(F, D')`, of the moments of the first one's."""
    audio = torch.from_numpy(waveform[: int(LONGEST * SAMPLE_RATE)])[None]
    lengths = torch.tensor([audio.shape[1]])
    with torch.inference_mode():
        found = [model.model.encoder(audio, lengths).frames[0].T.numpy() for model in models]
    own, other = found
    places = np.linspace(0, len(other) - 1, len(own)).round().astype(int)
    return own, other[places]


def normalised(embeddings: np.ndarray) -> np.ndarray:
    """`(n, E)` as a LayerNorm without weights leaves them, float64."""
    tensor = torch.from_numpy(embeddings).double()
    return F.layer_norm(tensor, tensor.shape[1:]).numpy()


def ridge(inputs: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weight `(E, E)` and bias `(E,)` of the prediction of `targets (n, E)` from `inputs`."""
    mean, aim = inputs.mean(axis=0), targets.mean(axis=0)
    x, y = inputs - mean, targets - aim
    weight = np.linalg.solve(x.T @ x + RIDGE * len(x) * np.eye(x.shape[1]), x.T @ y).T
    return weight, aim - weight @ mean


def write(
    old: Path,
    new: Path,
    output: Path,
    embedding: Prediction,
    frames: Prediction,
    heads: Sequence[str] = (),
) -> None:
    """Write `new` with the heads of `old` whose first layers predict. Raises CheckpointError for a
    head that `old` has not."""
    tensors, metadata = checkpoint.read(new)
    model, described = load_model(old)
    config, others = metadata["config"]["tasks"], described["config"]["tasks"]
    if missing := set(heads) - set(others):
        raise CheckpointError(old, f"no head {sorted(missing)[0]}", f"one of {', '.join(others)}")
    added = [name for name in others if name not in config and (not heads or name in heads)]
    kept = {name: value for name, value in tensors.items() if name.startswith(checkpoint.MODEL)}
    for name in added:
        before = {k: v.clone() for k, v in model.tasks[name].state_dict().items()}
        predict(model.tasks[name], embedding, frames)
        changed = {
            k: v for k, v in model.tasks[name].state_dict().items() if not v.equal(before[k])
        }
        kept |= {f"{checkpoint.MODEL}tasks.{name}.{k}": v for k, v in changed.items()}
        config[name] = others[name]
        if name in described.get("heads", {}):
            metadata.setdefault("heads", {})[name] = described["heads"][name]
    metadata["phones"] = described.get("phones", metadata.get("phones"))
    beginnings = [f"{checkpoint.MODEL}tasks.{name}." for name in added]
    metadata[checkpoint.BESIDE] = {old.name: beginnings}
    checkpoint.write(output, to_half(kept), metadata)


def predict(head: nn.Module, embedding: Prediction, frames: Prediction) -> None:
    """Every layer of `head` that reads a normalised embedding, or an enrolment's normalised frames,
    reads the prediction instead. Raises ConfigError for attention to a
    named layer, and for ConcatFusion."""
    for part in head.modules():
        if isinstance(part, CrossAttentionFusion):
            if part.layer is not None:
                raise ConfigError("contextual.layer", part.layer, "the encoder's frames")
            fold(part.of_frames, part.frame_norm, frames)
            fold(part.of_speaker, part.norm, embedding)
            part.frame_norm = nn.LayerNorm(frames.weight.shape[1])
            part.norm = nn.LayerNorm(embedding.weight.shape[1])
        elif isinstance(part, EmbeddingFusion | VoiceRange) and isinstance(part.norm, nn.LayerNorm):
            if isinstance(part, ConcatFusion):
                raise ConfigError("fusion", "ConcatFusion, whose layer has no bias", "another one")
            for layer in part.children():
                if isinstance(layer, nn.Linear):
                    fold(layer, part.norm, embedding)
            part.norm = nn.LayerNorm(embedding.weight.shape[1])


def fold(layer: nn.Linear, norm: nn.LayerNorm, prediction: Prediction) -> None:
    """`layer(scale · (weight · x + bias) + shift)` becomes `layer(x)`, x normalised without
    weights."""
    with torch.no_grad():
        scaled = layer.weight * norm.weight
        offset = scaled @ prediction.bias + layer.weight @ norm.bias
        layer.weight = nn.Parameter(scaled @ prediction.weight)
        layer.in_features = layer.weight.shape[1]
        layer.bias.add_(offset)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("folders", type=Path, nargs="+", metavar="DATA")
    parser.add_argument("--heads", nargs="+", default=[], metavar="NAME")
    given = parser.parse_args()
    paths = given.old, given.new, given.output, given.folders
    for key, value in carry_over(*paths, given.heads).items():
        print(f"{key:25} {value:.3f}")


if __name__ == "__main__":
    with errors_in_one_line():
        main()
