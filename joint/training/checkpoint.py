"""Checkpoints: one safetensors file whose header holds the configuration; written atomically."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from joint.errors import CheckpointError
from joint.training.distributed.sharding import as_shared, whole

FORMAT = "joint-speaker/1"
MODEL, OPTIMIZER = "model/", "optimizer/"
BESIDE = "beside"
"""In the metadata: for names of other checkpoints in the same folder the beginnings of the names of
tensors that are theirs."""


def write(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
    """Write beside `path`, flush to the disk, then rename: the former file stays whole until then.

    Raises CheckpointError where the disk is full or the folder cannot be written.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    header = {"format": FORMAT, "metadata": json.dumps(metadata)}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.touch()
        usual = unfinished.stat().st_mode  # safetensors makes a file of its own, and a private one
        save_file(
            {k: v.detach().contiguous().cpu() for k, v in tensors.items()}, unfinished, header
        )
        unfinished.chmod(usual)
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(path, str(error), "room and permission to write") from None
    finally:
        # where the folder is no folder, the error above is the one to tell
        with suppress(OSError):
            unfinished.unlink()


def read(path: Path, without: Sequence[str] = ()) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors, but for those whose names begin with one of `without`, and metadata. Tensors that
    the file leaves to others (`BESIDE`) come from these.

    Raises CheckpointError for a file that is missing, truncated, a pickle or not this project's.
    """
    tensors, metadata = read_own(path, without)
    for name, beginnings in metadata.pop(BESIDE, {}).items():  # whole again
        with _opened(path.with_name(name)) as (file, _):
            tensors = _read(file, tuple(beginnings), without) | tensors
    return tensors, metadata


def read_own(path: Path, without: Sequence[str] = ()) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """As `read`, but of this file alone."""
    with _opened(path) as (file, metadata):
        return _read(file, "", without), metadata


def _read(
    file: Any, beginnings: str | tuple[str, ...], without: Sequence[str]
) -> dict[str, Tensor]:
    names = [name for name in file.keys() if name.startswith(beginnings)]  # noqa: SIM118
    return {n: file.get_tensor(n) for n in names if not n.startswith(tuple(without))}


def read_metadata(path: Path) -> dict[str, Any]:
    """What a checkpoint says of itself; no tensor is read. Raises CheckpointError as `read`."""
    with _opened(path) as (_, metadata):
        return metadata


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, dict[str, Any]]]:
    if not path.is_file():
        raise CheckpointError(path, "no file", "a checkpoint")
    try:
        with safe_open(path, "pt") as file:
            header = file.metadata() or {}
            if header.get("format") != FORMAT:
                raise CheckpointError(
                    path, f"format {header.get('format')!r}", f"{FORMAT!r} (see 'joint info')"
                )
            yield file, json.loads(header["metadata"])
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise CheckpointError(
            path, f"no readable safetensors ({error})", "a whole checkpoint; pickles are refused"
        ) from None


def model_tensors(model: nn.Module) -> dict[str, Tensor]:
    """The model's parameters and running statistics under their names in a checkpoint, on the CPU;
    of a sharded model every process has to call it."""
    return {MODEL + name: whole(value).cpu() for name, value in model.state_dict().items()}


def load_into(module: nn.Module, tensors: Mapping[str, Tensor], path: Path, prefix: str) -> None:
    """Strictly load the tensors under `prefix` into `module`, in the module's own precision.

    Raises CheckpointError naming, as the model in the checkpoint does, the first tensor that is
    missing, left over or of another shape.
    """
    part = prefix.removeprefix(MODEL)
    given = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    own = module.state_dict()
    for name, value in own.items():
        if name not in given:
            expected = "a checkpoint of this architecture"
            raise CheckpointError(path, f"no tensor {part + name!r}", expected)
        if given[name].shape != value.shape:
            raise CheckpointError(
                path,
                f"{part + name!r} of shape {tuple(given[name].shape)}",
                f"{tuple(value.shape)} (another architecture?)",
            )
    for name in given:
        if name not in own:
            raise CheckpointError(path, f"a tensor {part + name!r} too many", "this architecture")
    with torch.no_grad():
        module.load_state_dict({n: as_shared(v.to(own[n].dtype), own[n]) for n, v in given.items()})


def optimizer_tensors(
    optimizer: torch.optim.Optimizer, names: Mapping[int, str]
) -> dict[str, Tensor]:
    """The optimizer's state as named tensors; `names` maps `id(parameter)` to its name."""
    return {
        f"{OPTIMIZER}{names[id(parameter)]}/{key}": whole(torch.as_tensor(value)).cpu()
        for parameter, state in optimizer.state.items()
        for key, value in state.items()
        if value is not None
    }


def load_optimizer(
    optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], names: Mapping[int, str]
) -> None:
    """Put back what `optimizer_tensors` took of this optimizer's parameters."""
    parameters = {names[id(p)]: p for group in optimizer.param_groups for p in group["params"]}
    for name, value in tensors.items():
        if name.startswith(OPTIMIZER):
            parameter, _, key = name.removeprefix(OPTIMIZER).rpartition("/")
            if parameter in parameters:
                own = parameters[parameter]
                optimizer.state[own][key] = as_shared(value.clone(), own)


def averaged(paths: list[Path]) -> dict[str, Tensor]:
    """Mean of the model tensors of several checkpoints, which have the same ones, those of one as
    they are; whole numbers come from the last."""
    with ExitStack() as stack:
        files = [stack.enter_context(_opened(path))[0] for path in paths]
        names = [name for name in files[-1].keys() if not name.startswith(OPTIMIZER)]  # noqa: SIM118
        return {name: _mean([file.get_tensor(name) for file in files]) for name in names}


def _mean(values: Sequence[Tensor]) -> Tensor:
    """Of one tensor in several checkpoints."""
    last = values[-1]
    if len(values) == 1 or not last.is_floating_point():
        return last
    total = torch.zeros_like(last, dtype=torch.float64)
    for value in values:
        total += value.double() / len(values)
    return total.to(last.dtype)
