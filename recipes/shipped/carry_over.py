"""Carry heads that read the embedding over to another encoder: what they were trained on is
predicted from its embeddings, and the prediction becomes part of their first linear layers.

    python -m recipes.shipped.carry_over OLD.safetensors NEW.safetensors OUT.safetensors DATA...

NEW gets the heads of OLD that it has not. OUT is NEW with these layers; the heads' other tensors
stay in OLD, which has to lie beside OUT. DATA are prepared folders of training recordings: the
prediction is a ridge regression between normalised embeddings, the residual is told for one
speaker in eight, on whom it was not fitted.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint import load
from joint.conditioning.fusion import EmbeddingFusion
from joint.data.opening import open_corpus
from joint.errors import CheckpointError
from joint.synthesis.voice import VoiceRange
from joint.terminal import errors_in_one_line
from joint.training import checkpoint
from joint.training.building.model import load_model, to_half
from tasks.verification.embedding import embed_corpus

RIDGE = 1e-3
HELD_OUT = 8
"""One speaker in so many is left out of the fit."""


def carry_over(old: Path, new: Path, output: Path, folders: Sequence[Path]) -> dict[str, float]:
    """Write `output`; gives how well the old embeddings are predicted. Raises JointError."""
    rows, aims, speakers = [], [], []
    for folder in folders:
        corpus = open_corpus(folder)
        found = [embed_corpus(load(path, tasks=()).embed, corpus) for path in (new, old)]
        if found[0].names != found[1].names:
            raise CheckpointError(new, "other readable recordings", f"those of {old}")
        rows.append(found[0].embeddings)
        aims.append(found[1].embeddings)
        speakers += [f"{folder}/{corpus.by_id[name].speaker}" for name in found[0].names]
    inputs, targets = (normalised(np.concatenate(part)) for part in (rows, aims))
    known = np.unique(speakers)
    held_out = np.isin(speakers, known[::HELD_OUT])
    weight, bias = ridge(inputs[~held_out], targets[~held_out])
    predicted = inputs[held_out] @ weight.T + bias
    figures = {
        "explained_variance": 1.0
        - float((predicted - targets[held_out]).var()) / float(targets[held_out].var()),
        "cosine": float(
            F.cosine_similarity(torch.tensor(predicted), torch.tensor(targets[held_out])).mean()
        ),
    }
    weight, bias = ridge(inputs, targets)
    write(old, new, output, torch.from_numpy(weight).float(), torch.from_numpy(bias).float())
    return figures


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


def write(old: Path, new: Path, output: Path, weight: Tensor, bias: Tensor) -> None:
    """Write `new` with the heads of `old` whose first layers predict."""
    tensors, metadata = checkpoint.read(new)
    model, described = load_model(old)
    config, others = metadata["config"]["tasks"], described["config"]["tasks"]
    added = [name for name in others if name not in config]
    kept = {name: value for name, value in tensors.items() if name.startswith(checkpoint.MODEL)}
    for name in added:
        before = {k: v.clone() for k, v in model.tasks[name].state_dict().items()}
        predict(model.tasks[name], weight, bias)
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


def predict(head: nn.Module, weight: Tensor, bias: Tensor) -> None:
    """Every layer of `head` that reads a normalised embedding reads the prediction instead."""
    for part in head.modules():
        if not isinstance(part, EmbeddingFusion | VoiceRange):
            continue
        norm = part.norm
        if not isinstance(norm, nn.LayerNorm):
            continue
        with torch.no_grad():
            for layer in part.children():
                if isinstance(layer, nn.Linear):
                    fold(layer, norm, weight, bias)
            norm.weight.fill_(1.0)
            norm.bias.zero_()


def fold(layer: nn.Linear, norm: nn.LayerNorm, weight: Tensor, bias: Tensor) -> None:
    """`layer(scale · (weight · x + bias) + shift)` as `layer(x)`, x normalised without weights."""
    scaled = layer.weight * norm.weight
    offset = scaled @ bias + layer.weight @ norm.bias
    layer.weight.copy_(scaled @ weight)
    layer.bias.add_(offset)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("folders", type=Path, nargs="+", metavar="DATA")
    given = parser.parse_args()
    for key, value in carry_over(given.old, given.new, given.output, given.folders).items():
        print(f"{key:25} {value:.3f}")


if __name__ == "__main__":
    with errors_in_one_line():
        main()
