"""Names that tests and fixtures share."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
COMMON = ROOT / "recipes" / "common"
"""The blocks that recipes share."""
YAMLS = [path for path in sorted((ROOT / "recipes").rglob("*.yaml")) if COMMON not in path.parents]
GRIDS = [path for path in YAMLS if "\nvariants:\n" in path.read_text(encoding="utf-8")]
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
