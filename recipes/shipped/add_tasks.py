"""Add the heads of other trainings to a checkpoint, where these kept its encoder frozen.

    python -m recipes.shipped.add_tasks BASE.safetensors OUT.safetensors
        vocoder=exp/synthesis/vocoder synthesis=exp/synthesis/synthesis ... [--beside FILE ...]
        [--held-out DATA ...] [--licence TEXT]

A head that BASE has already is replaced. Weights are written in float16; thresholds and calibration
of BASE stay true, as its encoder does. What only training reads of a head (a discriminator, a
vocoder for a loss) is left out. With `--beside` the encoder and the heads that a FILE, in the
folder of OUT, has just so are left to it. With `--held-out` the decision on voices at once in an
enrolment is fitted on prepared parts of held-out speakers, together; and on each that has a
`mix2_extraction.csv` the decision on presence is fitted and the extractor measured.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from joint import load
from joint.data.opening import open_corpus
from joint.errors import CheckpointError, ConfigError
from joint.terminal import errors_in_one_line
from joint.training import checkpoint
from joint.training.building.initialisation import located
from joint.training.building.model import load_model, to_half
from recipes.shipped.ship import KEPT, corpus_name, extraction_figures
from tasks.extraction.enrolment.held_out import measured_overlap
from tasks.extraction.enrolment.overlap import KEY as OVERLAP
from tasks.extraction.presence import KEY as PRESENCE

TRAINING_ALONE = ("discriminators", "consistency")
"""Parts of a head that inference does not read."""
TASKS, ENCODER = f"{checkpoint.MODEL}tasks.", f"{checkpoint.MODEL}encoder."


def add_tasks(
    base: Path,
    output: Path,
    heads: Mapping[str, Path],
    beside: Sequence[str] = (),
    licence: str | None = None,
) -> list[str]:
    """Write `output`, without the parts that files `beside` it have just so; returns the names of
    its tasks. Raises CheckpointError where an encoder is another one, where a head is
    not there, or where phones differ."""
    tensors, metadata = checkpoint.read(base)
    tensors = {k: v for k, v in tensors.items() if k.startswith(checkpoint.MODEL)}
    for name, path in heads.items():
        found, described = checkpoint.read(path)
        if name not in described["config"]["tasks"]:
            tasks = ", ".join(described["config"]["tasks"])
            raise CheckpointError(path, f"tasks {tasks}", f"one with a task {name}")
        _refuse_another_encoder(path, tensors, found)
        _add(name, metadata, described, path)
        tensors = {k: v for k, v in tensors.items() if not k.startswith(f"{TASKS}{name}.")}
        tensors |= {k: v for k, v in found.items() if _is_read(k, name)}
    if licence is not None:
        metadata["licence"] = licence
    written = to_half(tensors)
    parts = [ENCODER, *(f"{TASKS}{name}." for name in metadata["config"]["tasks"])]
    for name in beside:
        found, _ = checkpoint.read_own(output.with_name(name))
        left = [part for part in parts if _has(found, written, part)]
        metadata.setdefault(checkpoint.BESIDE, {})[name] = left
        written = {k: v for k, v in written.items() if not k.startswith(tuple(left))}
    checkpoint.write(output, written, metadata)
    model, _ = load_model(output)
    return list(model.tasks)


def measure_extraction(path: Path, folders: Sequence[Path]) -> dict[str, Any]:
    """Fit the decisions on voices at once in an enrolment and on presence, and measure the
    extractor, on prepared parts of held-out speakers, and put all that into the checkpoint's
    metadata; returns the figures. Raises JointError.
    """
    model = load(path, tasks=("extraction",))
    tensors, metadata = checkpoint.read_own(path)
    corpora = {folder: open_corpus(folder) for folder in folders}
    overlap, figures = measured_overlap(
        model.estimate, model.embed_waveforms, list(corpora.values())
    )
    metadata[OVERLAP] = asdict(overlap)
    for folder, corpus in corpora.items():
        if (folder / "mix2_extraction.csv").is_file():
            presence, found = extraction_figures(model, corpus, folder)
            metadata[PRESENCE] = asdict(presence)
            name = corpus_name(folder)
            figures |= {f"{name}/{key}": found[key] for key in KEPT if key in found}
    metadata["figures"] = {**metadata.get("figures", {}), **figures}
    checkpoint.write(path, tensors, metadata)
    return figures


def _has(found: Mapping[str, torch.Tensor], tensors: Mapping[str, torch.Tensor], part: str) -> bool:
    """Whether `found` has the tensors whose names begin with `part`, and as they are."""
    own = {k: v for k, v in tensors.items() if k.startswith(part)}
    return bool(own) and all(k in found and torch.equal(found[k], v) for k, v in own.items())


def _add(name: str, metadata: dict[str, Any], described: Mapping[str, Any], path: Path) -> None:
    """Put a head's configuration and figures into the metadata."""
    node = described["config"]["tasks"][name]
    task = {k: v for k, v in node["task"].items() if k not in TRAINING_ALONE}
    metadata["config"]["tasks"][name] = {**node, "task": task}
    own, known = described.get("phones") or [], metadata.get("phones") or []
    if own and known and own != known:
        raise CheckpointError(path, f"{len(own)} phones", f"the {len(known)} of the base, in order")
    metadata["phones"] = known or own
    metadata.setdefault("heads", {})[name] = {
        "trained": described["trained"],
        "validation": described["validation"],
    }


def _is_read(key: str, name: str) -> bool:
    own = key.removeprefix(f"{TASKS}{name}.")
    return own != key and own.partition(".")[0] not in TRAINING_ALONE


def _refuse_another_encoder(
    path: Path, base: Mapping[str, torch.Tensor], found: Mapping[str, torch.Tensor]
) -> None:
    """A training may have begun with weights of float32, of which BASE has those of float16."""
    for key, value in base.items():
        if key.startswith(ENCODER) and not (
            key in found and torch.equal(found[key].to(value.dtype), value)
        ):
            raise CheckpointError(path, f"another encoder ({key} differs)", "that of the base")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("heads", nargs="+", metavar="TASK=CHECKPOINT")
    parser.add_argument("--beside", nargs="+", default=[], metavar="FILE")
    parser.add_argument("--licence", metavar="TEXT", help="where a head knows another corpus")
    parser.add_argument("--held-out", type=Path, nargs="+", default=[], metavar="DATA")
    given = parser.parse_args()
    heads = dict(head.partition("=")[::2] for head in given.heads)
    for name, path in heads.items():
        if not path:
            raise ConfigError(name, "no '='", "TASK=CHECKPOINT")
    found = {name: located(path, Path()) for name, path in heads.items()}
    print(*add_tasks(given.base, given.output, found, given.beside, given.licence))
    measured = measure_extraction(given.output, given.held_out) if given.held_out else {}
    for key, value in measured.items():
        print(f"{key:45} {value}")


if __name__ == "__main__":
    with errors_in_one_line():
        main()
