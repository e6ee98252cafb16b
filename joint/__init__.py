"""Joint speaker modelling: one speaker encoder, many tasks. Read `joint.model` first."""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["SpeakerModel", "__version__", "load"]

if TYPE_CHECKING:
    from joint.app.api import SpeakerModel, load


def __getattr__(name: str) -> Any:
    """Import the composition layer, which imports all tasks, only on the first use of it."""
    if name in ("SpeakerModel", "load"):
        from joint.app import api

        return getattr(api, name)
    raise AttributeError(f"module 'joint' has no attribute {name!r}")
