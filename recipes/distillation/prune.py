"""Write the smaller encoder that a training with gates has left.

    joint train recipes/distillation/pruning.yaml
    python -m recipes.distillation.prune exp/distillation/pruning OUT.safetensors

It encodes as the one with gates does; the checkpoint has no task. The overrides that are printed
give the encoder of a recipe the same sizes.
"""

import argparse
import copy
from pathlib import Path
from typing import Any

import torch

from joint.encoders.pruning import expected_parameters, smaller, ungated_parameters
from joint.errors import CheckpointError, ConfigError
from joint.terminal import errors_in_one_line
from joint.training import checkpoint
from joint.training.building.initialisation import located
from joint.training.building.model import encoder_from, load_model
from joint.units import SAMPLE_RATE

UNGATED = "joint.encoders.backbones.ecapa.EcapaTdnn"


def prune(gated: str, output: Path) -> list[str]:
    """Write `output`; the overrides that describe its encoder.

    Raises CheckpointError, also for an encoder without gates.
    """
    path = located(gated, Path())
    model, metadata = load_model(path, tasks=())
    try:
        sizes, state = smaller(model.encoder)
    except ConfigError as error:
        raise CheckpointError(path, error.found, error.expected) from None
    config = copy.deepcopy(metadata["config"]["encoder"])
    config["backbone"] |= {"_target_": UNGATED, **sizes}
    described: dict[str, Any] = {
        "name": f"{metadata.get('name', path.stem)}, pruned",
        "config": {"encoder": config, "tasks": {}},
        "speaker_count": 0,
        "data": {"pruned_from": str(gated)},
    }
    encoder = encoder_from(described, path).eval()
    checkpoint.load_into(encoder, state, path, "")
    noise = 0.1 * torch.randn(2, SAMPLE_RATE, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before, after = (part(noise).embedding for part in (model.encoder, encoder))
        expected = float(expected_parameters(model.encoder))
    counts = ungated_parameters(model.encoder), sum(p.numel() for p in encoder.parameters())
    tensors = {f"{checkpoint.MODEL}encoder.{n}": v for n, v in encoder.state_dict().items()}
    checkpoint.write(output, tensors, described)
    difference = float((before - after).abs().max() / before.abs().max())
    shares = counts[1] / counts[0], expected / counts[0]
    size = f"{counts[1]:,} of {counts[0]:,} parameters ({shares[0]:.1%}, expected {shares[1]:.1%})"
    print(f"{output}: {size}; embeddings differ by {difference:.0e}")
    lists = {name: str(value).replace(" ", "") for name, value in sizes.items()}
    return [f"encoder.backbone.{name}={value}" for name, value in lists.items()]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("gated", help="a checkpoint, or the folder of a training")
    parser.add_argument("output", type=Path)
    given = parser.parse_args()
    print(*prune(given.gated, given.output))


if __name__ == "__main__":
    with errors_in_one_line():
        main()
