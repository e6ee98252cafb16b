"""Objects that a configuration names by `_target_`: checked first, then built.

A checkpoint carries its configuration, and may come from anywhere. So a name, at any depth, may
only be that of a torch module, or of a Distortion, in an allowed package.
"""

import inspect
from collections.abc import Sequence
from difflib import get_close_matches
from functools import partial
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, get_args, get_origin

from torch import nn

from joint.data.scenes.distortions.base import Distortion
from joint.errors import ConfigError
from joint.training.building.moved import current_path
from joint.training.config.wording import TYPES, nearest, shown

OWN_PACKAGES = ("joint", "tasks")
KINDS = (nn.Module, Distortion)
"""What may be built."""
TARGET, PARTIAL = "_target_", "_partial_"
OF_ENCODER = ("frame_dim", "layer_dim")
"""Supplied arguments that a partial node gets too: what is called later is not told them."""


def build(node: Any, where: str, packages: Sequence[str] = (), **supplied: Any) -> Any:
    """The object that a node with `_target_` names; `supplied` fills arguments that the node, or a
    node inside it, leaves out and the constructor takes.

    Raises ConfigError for a name outside the allowed packages or of something that makes no torch
    module, an unknown or missing argument, a value of the wrong type.
    """
    node = check_node(node, where, packages)
    try:
        return _made(_filled(node, supplied))
    except ConfigError:
        raise
    except Exception as error:  # a constructor may raise anything
        cause = str(error) or type(error).__name__
        raise ConfigError(where, cause.splitlines()[0], "arguments that fit") from None


def check_node(node: Any, where: str, packages: Sequence[str] = ()) -> dict[str, Any]:
    """The node with current paths in place of former ones, once all that `build` refuses before it
    calls anything has been refused. Raises ConfigError."""
    if not (isinstance(node, dict) and TARGET in node):
        raise ConfigError(where, shown(node), f"a mapping with {TARGET}")
    moved: dict[str, Any] = _moved(node)
    _check(moved, where, (*OWN_PACKAGES, *packages))
    return moved


def _made(value: Any) -> Any:
    """`value` with an object in place of each of its nodes, the innermost first.

    As `hydra.utils.instantiate`, whose import takes longer than all that a short command does.
    """
    if isinstance(value, list | tuple):
        return [_made(item) for item in value]
    if not isinstance(value, dict):
        return value
    arguments = {key: _made(item) for key, item in value.items() if key not in (TARGET, PARTIAL)}
    if TARGET not in value:
        return arguments
    target = get_object(value[TARGET])
    return partial(target, **arguments) if value.get(PARTIAL) else target(**arguments)


def get_object(name: str) -> Any:
    """What a dotted name leads to. Raises ImportError or AttributeError."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found = import_module(".".join(parts[:end]))
        except ModuleNotFoundError as error:
            # One that is missing inside a module that is there is an error of that module.
            if error.name is None or not name.startswith(error.name):
                raise
            continue
        for part in parts[end:]:
            found = getattr(found, part)
        return found
    raise ImportError(f"no module {parts[0]!r}")


def nearest_name(name: str) -> str | None:
    """The dotted name of a module or of a torch module that is most like `name`, in the innermost
    package that exists."""
    parts = name.split(".")
    for end in range(len(parts) - 1, 0, -1):
        prefix = ".".join(parts[:end])
        try:
            found = import_module(prefix)
        except Exception:  # whatever an import may raise
            continue
        known = [module.name for module in iter_modules(getattr(found, "__path__", []))]
        known += [
            key
            for key, value in vars(found).items()
            if inspect.isclass(value)
            and issubclass(value, KINDS)
            and value.__module__.startswith(prefix)
        ]
        near = get_close_matches(parts[end], known, 1, 0.0)
        return ".".join([prefix, near[0], *parts[end + 1 :]]) if near else None
    return None


def _moved(value: Any) -> Any:
    """`value` with current paths in place of former ones."""
    if isinstance(value, list | tuple):
        return [_moved(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: current_path(item) if key == TARGET and isinstance(item, str) else _moved(item)
        for key, item in value.items()
    }


def _filled(value: Any, supplied: dict[str, Any]) -> Any:
    """`value` with those of `supplied` that its nodes leave out and their constructors take; in
    partial nodes only those of the encoder, since they get the others when they are called."""
    if not isinstance(value, dict):
        return value
    filled = {key: _filled(item, supplied) for key, item in value.items()}
    if TARGET in value:
        taken = inspect.signature(get_object(value[TARGET])).parameters
        known = {k: v for k, v in supplied.items() if not value.get(PARTIAL) or k in OF_ENCODER}
        filled |= {k: v for k, v in known.items() if k in taken and k not in value}
    return filled


def _check(value: Any, where: str, allowed: Sequence[str]) -> None:
    """Check every node inside `value`; lists and plain mappings are looked through."""
    if isinstance(value, list | tuple):
        for position, item in enumerate(value):
            _check(item, f"{where}[{position}]", allowed)
    elif isinstance(value, dict) and TARGET in value:
        parameters = inspect.signature(_found(value[TARGET], where, allowed)).parameters
        for key, argument in value.items():
            if key not in (TARGET, PARTIAL):
                _check_argument(key, argument, parameters, f"{where}.{key}")
                _check(argument, f"{where}.{key}", allowed)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check(item, f"{where}.{key}", allowed)


def _found(target: Any, where: str, allowed: Sequence[str]) -> Any:
    """What the dotted name `target` leads to."""
    where = f"{where}.{TARGET}"
    name = str(target)
    own = f"a class of {', '.join(allowed)} (or --allow-package)"
    if name.split(".")[0] not in allowed:
        raise ConfigError(where, name, own)
    try:
        found = get_object(name)
        inspect.signature(found)
    except Exception:
        near = nearest_name(name)
        hint = f", {near!r} perhaps" if near else ""
        raise ConfigError(where, name, f"a class that can be imported{hint}") from None
    # `joint.files.os.remove` begins with an allowed name and ends elsewhere
    if found.__module__.split(".")[0] not in allowed:
        raise ConfigError(where, f"{name} of {found.__module__}", own)
    made = found if inspect.isclass(found) else inspect.signature(found).return_annotation
    if not (inspect.isclass(made) and issubclass(made, KINDS)):
        raise ConfigError(where, name, "a torch module, or a function annotated to return one")
    return found


def _check_argument(key: Any, value: Any, parameters: Any, where: str) -> None:
    if key not in parameters:
        raise ConfigError(where, "an unknown key", nearest(str(key), [*parameters], "no argument"))
    _check_type(value, parameters[key].annotation, where)


def _check_type(value: Any, annotation: Any, where: str) -> None:
    """Scalars and literals are held to their annotation; other values are the constructor's."""
    origin, options = get_origin(annotation), get_args(annotation)
    if origin is not None and all(isinstance(o, str) for o in options):
        if value not in options:
            raise ConfigError(where, shown(value), " or ".join(options))
        return
    expected = {int: (int,), float: (int, float), bool: (bool,), str: (str,)}.get(annotation)
    if expected is None:
        return
    if not isinstance(value, expected) or (isinstance(value, bool) and annotation is not bool):
        raise ConfigError(where, shown(value), TYPES[annotation])
