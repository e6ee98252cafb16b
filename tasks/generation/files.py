"""A density in a file: safetensors, whose header says for which encoder it was fitted."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from joint.encoders.identity import EncoderIdentity
from joint.errors import ConfigError, DataError
from joint.files import atomic_write
from tasks.generation.density import VoiceDensity
from tasks.generation.space import EmbeddingSpace
from tasks.generation.speakers import Levels
from tasks.generation.vocabulary import Vocabulary

FORMAT = "joint-speaker voice density/1"
EXPECTED = "a density of voices that `python -m recipes.generation.fit` wrote"
DENSITY = "voices.safetensors"
"""Beside a checkpoint: the density that belongs to its encoder."""


class Stored(NamedTuple):
    """A density, the levels of its descriptions, and what else its file says: `encoder`,
    `figures`, `data`, `seed`."""

    density: VoiceDensity
    levels: Levels
    about: Mapping[str, Any]


def write_density(
    path: Path,
    density: VoiceDensity,
    levels: Levels,
    encoder: EncoderIdentity,
    about: Mapping[str, Any],
) -> None:
    """Write a density, atomically. Raises JointError where `path` cannot be written."""
    space = density.space
    header = {
        "encoder": {"name": encoder.name, "fingerprint": encoder.fingerprint},
        "settings": density.settings,
        "space": space.shape,
        "accents": density.vocabulary.accents,
        "levels": levels.as_dict(),
        **about,
    }
    tensors = {name: value.contiguous() for name, value in density.state_dict().items()}
    atomic_write(path, save(tensors, {"format": FORMAT, "metadata": json.dumps(header)}))


def read_density(path: str | Path, encoder: EncoderIdentity | None = None) -> Stored:
    """The density in a file; with `encoder`, it must be one of that encoder.

    Raises DataError for a missing file, one of another kind, a damaged one and a density of another
    encoder, or without a package that it needs.
    """
    header, tensors = _read(Path(path))
    try:
        fitted = EncoderIdentity(**header["encoder"])
        size, components, axes = header["space"]
        levels = Levels.stored(header["levels"])
        vocabulary = Vocabulary(header["accents"])
        settings = header["settings"]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(path, f"{type(error).__name__}: {error}", EXPECTED) from None
    if encoder is not None and fitted.fingerprint != encoder.fingerprint:
        raise DataError(path, f"a density of the embeddings of {fitted}", f"of {encoder}")
    try:
        density = VoiceDensity(EmbeddingSpace(size, components, axes), vocabulary, settings)
    except ConfigError as error:
        raise DataError(path, error.found, error.expected) from None
    own = density.state_dict()
    for name in sorted(own.keys() | tensors.keys()):
        shapes = [tuple(part[name].shape) if name in part else "none" for part in (tensors, own)]
        if shapes[0] != shapes[1]:
            raise DataError(path, f"tensor {name!r}: {shapes[0]}", str(shapes[1]))
        if not torch.isfinite(tensors[name]).all():
            raise DataError(path, f"NaN or infinity in tensor {name!r}", "finite numbers")
    density.load_state_dict(tensors)
    return Stored(density.eval(), levels, header)


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    if not path.is_file():
        raise DataError(path, "a folder" if path.is_dir() else "no file", EXPECTED)
    try:
        with safe_open(path, "pt") as file:
            header = file.metadata() or {}
            if header.get("format") != FORMAT:
                raise DataError(path, f"format {header.get('format')!r}", EXPECTED)
            names = file.keys()
            return json.loads(header["metadata"]), {n: file.get_tensor(n) for n in names}
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise DataError(path, f"no readable safetensors ({error})", EXPECTED) from None
