"""Choices of `joint prepare commonvoice`; imports nothing heavy, since every command imports it."""

from joint.units import Seconds

MIN_SPEECH: Seconds = 2.0
"""The default of the speech that a clip must have."""
