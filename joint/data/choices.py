"""Choices of commands that handle corpora; imports nothing, since every command imports it."""

from enum import StrEnum

HELD_OUT = 50
"""The default number of training speakers that are held out for validation."""

SENTENCE_COUNT = 100
"""The default number of rows of the lists for synthesis and conversion."""


class Check(StrEnum):
    """`full` decodes every file; `header` reads its header alone, for corpora of many hours."""

    FULL = "full"
    HEADER = "header"


class Encoding(StrEnum):
    """Encoding of recordings in shards: the original file, or 16 kHz mono in FLAC or Opus."""

    ORIGINAL = "original"
    FLAC = "flac"
    OPUS = "opus"


class Segments(StrEnum):
    """Regions of speech: found by silero-vad, or the turns of the reference."""

    SILERO = "silero"
    REFERENCE = "reference"


class Clustering(StrEnum):
    """How windows become speakers."""

    SPECTRAL = "spectral"
    AGGLOMERATIVE = "agglomerative"
    UMAP = "umap"
    VBX = "vbx"


class Pipeline(StrEnum):
    """How turns are found: by clustering alone; with a second speaker where speech overlaps; from
    local speakers of windows, by powerset classes; or with TS-VAD, target-speaker voice activity
    detection, as a second pass."""

    CLUSTERING = "clustering"
    OVERLAP = "overlap"
    POWERSET = "powerset"
    TS_VAD = "ts-vad"


class Kind(StrEnum):
    """What the recordings of a folder are: of speakers, noises, or responses of rooms."""

    SPEECH = "speech"
    NOISE = "noise"
    ROOMS = "rooms"
