"""Names that tests and fixtures share."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
BLOCKS = ROOT / "recipes" / "common"
YAMLS = [path for path in sorted((ROOT / "recipes").rglob("*.yaml")) if BLOCKS not in path.parents]
GRIDS = [path for path in YAMLS if re.search("^(arms|variants):$", path.read_text("utf-8"), re.M)]
RECIPES = [path for path in YAMLS if path not in GRIDS]
TINY = Path(__file__).with_name("tiny.yaml")


@dataclass(frozen=True)
class Outcome:
    """What a command did: exit code, standard output, lines of standard error."""

    code: int
    out: str
    err: list[str]


Command = Callable[..., Outcome]
"""`joint ARGUMENTS` in this process."""

Refused = Callable[..., str]
"""The same for a command that must be refused: exit 2 and one line, which it gives."""
