"""Weights that a training is initialised with: whole checkpoints, and parts of them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from joint.errors import CheckpointError
from joint.model import JointModel
from joint.training import checkpoint
from joint.training.config.schema import RecipeConfig
from joint.training.config.wording import no_such_part

Find = Callable[[str], Path | None]
"""The file of a checkpoint that the package ships, or that a hub holds, by its name; None where
there is none of this name."""

FINAL = "model.safetensors"
"""What a training writes at its end."""

OF_EMBEDDINGS = ("threshold", "calibration", "diarization_threshold", "domain")
"""Keys of a checkpoint's metadata that belong to its encoder alone."""


def initialise(
    model: JointModel,
    config: RecipeConfig,
    folder: Path,
    phones: Sequence[str] = (),
    find: Find | None = None,
) -> None:
    """Fill a new model as the recipe in `folder` says: by `init`, then by `init_parts`.

    Raises CheckpointError, and ConfigError for a part that is not there.
    """
    for name in config.init:
        initialise_model(model, located(name, folder, find), phones)
    for part, source in config.init_parts.items():
        path = located(source.checkpoint, folder, find)
        initialise_part(model, part, path, source.part or part)


def kept_of_embeddings(
    model: JointModel, config: RecipeConfig, folder: Path, find: Find | None = None
) -> dict[str, Any]:
    """The thresholds and the calibration of the checkpoint whose encoder the recipe begins with,
    where training does not update it: they stay true. Raises as `initialise`."""
    names = [*config.init, *(s.checkpoint for p, s in config.init_parts.items() if p == "encoder")]
    parts = [p for p in config.init_parts if p.startswith("encoder.")]
    if not names or parts or any(p.requires_grad for p in model.encoder.parameters()):
        return {}
    metadata = checkpoint.read_metadata(located(names[-1], folder, find))
    return {key: metadata[key] for key in OF_EMBEDDINGS if key in metadata}


def located(name: str, folder: Path, find: Find | None = None) -> Path:
    """The file of the checkpoint `name`: what `find` finds by that name, else a file or a
    training's folder at a path relative to `folder`, else relative to the current folder.

    Raises CheckpointError where there is none.
    """
    if find is not None and (found := find(name)) is not None:
        return found
    for path in (folder / name, Path(name)):
        file = path / FINAL if path.is_dir() else path
        if file.is_file():
            return file
    expected = f"the name of a checkpoint, or a path relative to {folder} or to the current folder"
    raise CheckpointError(name, "no checkpoint", expected)


def initialise_model(model: JointModel, path: Path, phones: Sequence[str] = ()) -> list[str]:
    """Copy the encoder, and every task and adapter that the checkpoint has under the same name.

    Returns the names of the parts that were copied. Raises CheckpointError where the encoder or a
    part of the same name has another architecture, or where checkpoint and corpus have different
    phones.
    """
    tensors, metadata = checkpoint.read(path)
    refuse_other_phones(path, metadata.get("phones", ()), phones)
    checkpoint.load_into(model.encoder, tensors, path, f"{checkpoint.MODEL}encoder.")
    copied = ["encoder"]
    own = {name: (f"tasks.{name}", task) for name, task in model.tasks.items()}
    own |= {f"{n}'s adapter": (f"adapters.{n}", part) for n, part in model.adapters.items()}
    for name, (part, module) in own.items():
        prefix = f"{checkpoint.MODEL}{part}."
        if any(key.startswith(prefix) for key in tensors):
            checkpoint.load_into(module, tensors, path, prefix)
            copied.append(name)
    return copied


def initialise_part(model: JointModel, part: str, path: Path, source: str) -> None:
    """Copy the part `source` of a checkpoint into the `part` of the model, both by their dotted
    names. Raises ConfigError for a part that is not there, CheckpointError for other weights."""
    try:
        module = model.get_submodule(part)
    except AttributeError:
        names = [name for name, _ in model.named_modules() if name]
        raise no_such_part(f"init_parts.{part}", part, names) from None
    tensors, _ = checkpoint.read(path)
    checkpoint.load_into(module, tensors, path, f"{checkpoint.MODEL}{source}.")


def refuse_other_phones(path: Path, known: Sequence[str], phones: Sequence[str]) -> None:
    """Raises CheckpointError where checkpoint and corpus both have phones, but not the same."""
    if known and phones and list(known) != list(phones):
        other = sorted(set(known) ^ set(phones))[:5]
        found = f"{len(known)} phones, {', '.join(other) or 'their order'} differing"
        raise CheckpointError(path, found, f"the {len(phones)} of the data")
