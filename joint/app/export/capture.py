"""A part of a model as a graph of torch operators, whose batch and lengths stay free."""

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from joint.app.export.arithmetic import InRealArithmetic
from joint.app.export.parts.base import Part
from joint.errors import CheckpointError

EXPECTED = "layers that can be exported; --part names other parts"


def captured(
    part: Part, inputs: tuple[Tensor, ...], model: nn.Module, where: Path
) -> ExportedProgram:
    """The graph of a `part` of `model`, recorded on `inputs`, in real arithmetic.

    Raises CheckpointError, which names the layer of the checkpoint `where`, for one that cannot be
    recorded.
    """
    free = [
        {place: Dim.DYNAMIC for place, length in enumerate(axes) if isinstance(length, str)}
        for axes in part.inputs.values()
    ]
    try:
        with torch.no_grad(), quiet():
            network = InRealArithmetic(part, inputs).eval()
            shapes = {"inputs": tuple(free)}
            return torch.export.export(network, inputs, dynamic_shapes=shapes, strict=False)
    except Exception as error:  # torch, and a layer of anybody's, may raise anything
        raise refusal(error, part, model, where) from error


def refusal(error: Exception, part: Part, model: nn.Module, where: Path) -> CheckpointError:
    """The error for a layer that cannot be exported: where in the code, or in the graph, the
    `error` came up."""
    layer = _layer_in_code(error, model) or _layer_in_graph(error) or f"of the {part.kind}"
    reason = re.split(r"[.\n]", str(error).strip() or type(error).__name__)[0]
    found = f"the layer {layer} ({type(error).__name__}: {reason})"
    return CheckpointError(where, found, EXPECTED)


@contextmanager
def quiet() -> Iterator[None]:
    """Without what the exporters print for their developers."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _layer_in_code(error: BaseException, model: nn.Module) -> str | None:
    """The innermost layer whose method was running when the `error`, or what caused it, was
    raised."""
    names = {id(layer): name for name, layer in model.named_modules() if name}
    for cause in reversed(list(_chain(error))):
        found = [names.get(id(owner)) for owner in _owners(cause.__traceback__)]
        if inner := [name for name in found if name is not None]:
            return inner[-1]
    return None


def _layer_in_graph(error: BaseException) -> str | None:
    """The layer in the last frame of torch's own record of where an operator came from."""
    text = "\n".join(str(cause) for cause in _chain(error))
    found = re.findall(r"network\.((?:\w+\.)*\w+)", text)
    return found[-1] if found else None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _owners(traceback: TracebackType | None) -> Iterator[object]:
    """The `self` of each call that a traceback leads through."""
    while traceback is not None:
        yield traceback.tb_frame.f_locals.get("self")
        traceback = traceback.tb_next
