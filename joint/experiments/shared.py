"""Figures that runs of a grid have in common: what neither of two runs trained is measured once."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joint.encoders.identity import fingerprint_of
from joint.files import atomic_write

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class SharedFigures:
    """Figures in `folder`, by what they are measured on: the weights of some modules, and settings.

    The variants `TASK, frozen` of a grid leave the encoder and all other heads as they were: only
    their own head is measured, the rest is that of the first run that had these weights.
    """

    folder: Path

    def once(
        self,
        name: str,
        modules: "Iterable[nn.Module]",
        settings: Any,
        measure: Callable[[], dict[str, Any]],
    ) -> dict[str, Any]:
        """What `measure` gives for `modules` under `settings`, as JSON has them, read where it has
        been measured before. Figures that are not numbers or text are left out."""
        path = self.folder / f"{name}-{fingerprint_of(modules, settings)[:32]}.json"
        if path.is_file():
            kept: dict[str, Any] = json.loads(path.read_text())
            return kept
        found = measure()
        plain = {k: v for k, v in found.items() if v is None or isinstance(v, int | float | str)}
        atomic_write(path, json.dumps(plain, indent=2) + "\n")
        return plain
