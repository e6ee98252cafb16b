"""Graphs as files: ONNX and TorchScript, with what an application needs to know inside."""

import json
import operator
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.export import ExportedProgram

from joint.app.export.capture import quiet
from joint.app.export.parts.base import Axes, Part
from joint.errors import ConfigError

OPSET = 18
"""Of ONNX: the first with all operators that the graphs have, so that the oldest runtimes do."""

LARGEST = 1 << 31
"""Bytes of a file, at most."""

ENDINGS = {"onnx": ".onnx", "torchscript": ".pt"}
"""Formats, and the endings of their files."""

Run = Callable[[Sequence[Tensor]], list[Tensor]]
"""A written file at work: inputs to outputs."""


def write_onnx(
    program: ExportedProgram, part: Part, metadata: Mapping[str, Any], path: Path
) -> Run:
    """Write a graph as ONNX; gives what onnxruntime makes of the file.

    Each entry of `metadata` is one of the file's, its value as JSON. Raises ConfigError where onnx
    or onnxruntime is not installed.
    """
    try:
        import onnx
        import onnxruntime
        from onnxscript import optimizer
    except ImportError as error:
        raise ConfigError(
            "--format onnx", str(error), "pip install 'joint-speaker[export]'"
        ) from None
    with torch.no_grad(), quiet():
        written = torch.onnx.export(
            program,
            dynamo=True,
            opset_version=OPSET,
            input_names=list(part.inputs),
            output_names=list(part.outputs),
            verbose=False,
        )
    assert written is not None
    # weights of any size as constants: what is left to be computed of them is never quantised
    model = optimizer.optimize(
        written.model_proto, input_size_limit=LARGEST, output_size_limit=LARGEST
    )
    for node in model.graph.node:
        kept = [(e.key, e.value) for e in node.metadata_props if e.key == "namespace"]
        del node.metadata_props[:]  # the rest are paths of source files
        for key, value in kept:
            node.metadata_props.add(key=key, value=value)
    for values, axes in ((model.graph.input, part.inputs), (model.graph.output, part.outputs)):
        _name_axes(values, axes)
    onnx.helper.set_model_props(model, {k: json.dumps(v) for k, v in metadata.items()})
    onnx.save(model, path)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def run(inputs: Sequence[Tensor]) -> list[Tensor]:
        named = {name: x.numpy() for name, x in zip(part.inputs, inputs, strict=True)}
        return [torch.from_numpy(x) for x in session.run(list(part.outputs), named)]

    return run


def write_torchscript(
    program: ExportedProgram, part: Part, metadata: Mapping[str, Any], path: Path
) -> Run:
    """Write a graph as TorchScript, with `metadata` as its extra file `metadata.json`; gives what
    torch makes of the file."""
    with torch.no_grad(), quiet():
        script = torch.jit.script(_scriptable(program, list(part.inputs)))
        torch.jit.save(script, str(path), _extra_files={"metadata.json": json.dumps(metadata)})
        loaded = torch.jit.load(str(path))

    def run(inputs: Sequence[Tensor]) -> list[Tensor]:
        with torch.no_grad(), quiet():
            found = loaded(*inputs)
        return list(found) if isinstance(found, tuple | list) else [found]

    return run


WRITERS: dict[str, Callable[[ExportedProgram, Part, Mapping[str, Any], Path], Run]] = {
    "onnx": write_onnx,
    "torchscript": write_torchscript,
}


def _name_axes(values: Any, axes: Mapping[str, Axes]) -> None:
    """Name the free dimensions of a graph's inputs or outputs."""
    for value in values:
        for dim, axis in zip(value.type.tensor_type.shape.dim, axes[value.name], strict=True):
            if isinstance(axis, str):
                dim.dim_param = axis
            else:
                dim.dim_value = axis


def _scriptable(program: ExportedProgram, names: Sequence[str]) -> torch.fx.GraphModule:
    """The graph as a module that TorchScript compiles: plain arguments, lengths asked of tensors,
    and no checks, which were made where the graph was recorded."""
    module = program.module(check_guards=False)
    assert isinstance(module, torch.fx.GraphModule)
    graph = module.graph
    graph.set_codegen(torch.fx.graph.CodeGen())
    places = [node for node in graph.nodes if node.op == "placeholder"]
    for node, name in zip(places, names, strict=True):
        node.target = node.name = name
    for node in list(graph.nodes):
        if node.op != "call_function":
            continue
        if node.target is torch.ops.aten.sym_size.int:
            with graph.inserting_before(node):
                size = graph.call_method("size", node.args)
            node.replace_all_uses_with(size)
            graph.erase_node(node)
        elif node.target in (torch.sym_max, torch.sym_min):
            node.target = max if node.target is torch.sym_max else min
        elif "_assert" in str(node.target) and not node.users:
            graph.erase_node(node)
        elif isinstance(node.target, torch._ops.OpOverload):
            node.target = node.target.overloadpacket  # TorchScript finds the overload itself
    for node in reversed(list(graph.nodes)):  # comparisons that only the checks needed
        if not node.users and node.target in (operator.ge, operator.le, operator.eq, operator.ne):
            graph.erase_node(node)
    graph.lint()
    return torch.fx.GraphModule(module, graph)  # without the hooks that check inputs
