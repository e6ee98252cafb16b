"""Praat, by the package parselmouth, which is an extra."""

from typing import Any

from joint.errors import ConfigError

FLOOR, CEILING = 75.0, 500.0
"""Hertz of voices, as praat is told."""


def praat(where: str) -> Any:
    """The package parselmouth. Raises ConfigError, naming what asks for it, without it."""
    try:
        import parselmouth
    except ImportError:
        expected = "the extra `analysis` (pip install praat-parselmouth)"
        raise ConfigError(where, "no package parselmouth", expected) from None
    return parselmouth
