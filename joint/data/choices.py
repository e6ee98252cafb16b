"""What one chooses when a corpus is prepared or exported; light, since every command imports it."""

from enum import StrEnum

HELD_OUT = 50
"""Training speakers on whom models are selected, where nobody asks for another number."""


class Check(StrEnum):
    """`full` decodes every file; `header` reads its header alone, for corpora of many hours."""

    FULL = "full"
    HEADER = "header"


class Encoding(StrEnum):
    """How recordings lie in shards: as they were, or as 16 kHz mono in FLAC or Opus."""

    ORIGINAL = "original"
    FLAC = "flac"
    OPUS = "opus"
