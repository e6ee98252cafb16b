"""Names for units, so that a signature says what a number counts."""

from typing import TypeAlias

Seconds: TypeAlias = float
Decibels: TypeAlias = float
Hertz: TypeAlias = int
Samples: TypeAlias = int

SAMPLE_RATE: Hertz = 16_000
"""The one rate inside the package; recordings of other rates are resampled at the border."""
