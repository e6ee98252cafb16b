"""Classes that SpeechBrain's `hyperparams.yaml` names, and what may stand in their arguments."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from joint.errors import CheckpointError
from pretrained.speechbrain.tagged_yaml import NEW, Tagged


@dataclass(frozen=True)
class Part:
    """A class: its arguments that may differ and those that may not, with their defaults (None
    where one must be given), and those that change no embedding."""

    free: Mapping[str, Any]
    fixed: Mapping[str, Any]
    idle: tuple[str, ...] = ("device",)


def arguments(
    settings: Mapping[str, Any], key: str, known: Mapping[str, Part], path: Path
) -> tuple[str, dict[str, Any]]:
    """The class under `key`, which must be a `known` one, and all its free arguments.

    Raises CheckpointError.
    """
    made = settings.get(key)
    if not (isinstance(made, Tagged) and made.tag.startswith(NEW)):
        found = f"no {key}" if made is None else f"{key} {shown(made)}"
        raise CheckpointError(path, found, f"{key}: !{NEW}CLASS")
    name = made.tag.removeprefix(NEW)
    if name not in known:
        raise CheckpointError(path, f"{key} {name!r}", nearest(name, tuple(known)))
    given = made.value or {}
    if not isinstance(given, dict):
        raise CheckpointError(path, f"{key} {given!r}", "named arguments")
    part = known[name]
    for argument, value in given.items():
        _check(f"{key}.{argument}", argument, value, part, path)
    for argument, default in part.free.items():
        if default is None and argument not in given:
            raise CheckpointError(path, f"no {key}.{argument}", "a whole number")
    return name, {a: given.get(a, default) for a, default in part.free.items()}


def _check(where: str, argument: Any, value: Any, part: Part, path: Path) -> None:
    known = (*part.free, *part.fixed, *part.idle)
    if argument not in known:
        raise CheckpointError(path, f"{where}, an unknown argument", nearest(str(argument), known))
    if argument in part.fixed and value != part.fixed[argument]:
        raise CheckpointError(path, f"{where} {shown(value)}", shown(part.fixed[argument]))
    if argument not in part.free:
        return
    default = part.free[argument]
    kind = int if default is None else type(default)
    fits = type(value) is kind  # True is no whole number
    if fits and kind is list:
        fits = len(value) == len(default) and all(type(item) is int for item in value)
    if not fits:
        expected = "a whole number" if kind is int else f"as in {shown(default)}"
        raise CheckpointError(path, f"{where} {shown(value)}", expected)


def shown(value: Any) -> str:
    """A setting as a message has it."""
    return f"!{value.tag} {value.value or ''}".strip() if isinstance(value, Tagged) else repr(value)


def nearest(name: str, known: tuple[str, ...]) -> str:
    """The known name that was perhaps meant."""
    return f"{get_close_matches(name, known, 1, 0.0)[0]!r}, perhaps"
