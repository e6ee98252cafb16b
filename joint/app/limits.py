"""What a service that others send recordings to takes."""

from dataclasses import dataclass

from joint.units import Seconds

WAITING = 64
"""Requests that may wait while one is answered; the models answer one after the other."""


@dataclass(frozen=True)
class Limits:
    """The longest recording in `seconds`, and the largest one in `megabytes`."""

    seconds: Seconds = 300.0
    megabytes: float = 25.0
