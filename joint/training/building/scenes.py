"""Scenes as a recipe describes them, with the objects that it names."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from joint.data.scenes.distortions.base import Distortion
from joint.data.scenes.planning import ScenePlanner
from joint.errors import ConfigError
from joint.training.building.objects import build


def with_distortions(
    planner: ScenePlanner, where: str, packages: Sequence[str] = ()
) -> ScenePlanner:
    """The planner with a Distortion in place of each node of its `distortions`; `where` is its key
    in the recipe. Raises ConfigError as `built_distortions`."""
    return replace(planner, distortions=built_distortions(planner.distortions, where, packages))


def built_distortions(
    nodes: Mapping[str, Any], where: str, packages: Sequence[str] = ()
) -> dict[str, Distortion]:
    """The distortions that the nodes name, in their order.

    Raises ConfigError for what is no Distortion of the allowed packages, and for arguments that it
    does not take.
    """
    built = {}
    for name, node in nodes.items():
        path = f"{where}.distortions.{name}"
        try:
            made = build(node, path, packages)
        except ConfigError as error:
            inner = error.where if error.where.startswith(path) else f"{path}.{error.where}"
            raise ConfigError(inner, error.found, error.expected) from None
        if not isinstance(made, Distortion):
            raise ConfigError(path, type(made).__name__, "a Distortion")
        built[name] = made
    return built
