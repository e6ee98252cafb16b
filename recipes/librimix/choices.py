"""Choices in preparing LibriMix; imports nothing, since every command imports it."""

from enum import StrEnum


class Mode(StrEnum):
    """`min` cuts all sources at the end of the shortest one, `max` pads them to the longest."""

    MIN = "min"
    MAX = "max"


class Rate(StrEnum):
    """Sample rates in Hz of LibriMix's two versions."""

    WIDE = "16000"
    NARROW = "8000"
