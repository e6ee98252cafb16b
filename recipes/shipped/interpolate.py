"""Weights between two encoders of one training: those of a checkpoint, and those from which it was
initialised (Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022).

    python -m recipes.shipped.interpolate exp/speechocean762/joint/model.safetensors
        exp/shipped/extraction/model.safetensors exp/shipped/interpolated.safetensors --share 0.7

The result has the tasks of the later checkpoint.
"""

import argparse
from pathlib import Path

from joint.errors import CheckpointError, ConfigError
from joint.terminal import errors_in_one_line
from joint.training import checkpoint

ENCODER = f"{checkpoint.MODEL}encoder."


def interpolate(earlier: Path, later: Path, output: Path, share: float) -> None:
    """Write `later` with an encoder of `share · later + (1 - share) · earlier`.

    Raises ConfigError for a share outside 0 to 1, CheckpointError for other encoders.
    """
    if not 0.0 <= share <= 1.0:
        raise ConfigError("share", str(share), "0 to 1")
    before, _ = checkpoint.read(earlier)
    tensors, metadata = checkpoint.read(later)
    for name, tensor in tensors.items():
        if not name.startswith(ENCODER):
            continue
        if name not in before or before[name].shape != tensor.shape:
            raise CheckpointError(earlier, f"no {name} of this shape", f"the encoder of {later}")
        if tensor.is_floating_point():
            mixed = share * tensor.float() + (1.0 - share) * before[name].float()
            tensors[name] = mixed.to(tensor.dtype)
    checkpoint.write(output, tensors, metadata)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("earlier", type=Path)
    parser.add_argument("later", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--share", type=float, default=0.7, help="of the later encoder")
    given = parser.parse_args()
    interpolate(given.earlier, given.later, given.output, given.share)


if __name__ == "__main__":
    with errors_in_one_line():
        main()
