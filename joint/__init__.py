"""Joint speaker modelling: one speaker encoder, many tasks. Read `joint.model` first."""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["__version__", "load"]

if TYPE_CHECKING:
    from joint.app.api import load


def __getattr__(name: str) -> Any:
    """Import the composition layer (`joint.load`) only where somebody asks for it."""
    if name == "load":
        from joint.app.api import load

        return load
    raise AttributeError(f"module 'joint' has no attribute {name!r}")
