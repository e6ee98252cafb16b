"""The recorded noises and rooms of a recipe, opened."""

from typing import Any

from joint.data.choices import Kind
from joint.data.corpus import Corpus
from joint.data.joined import JoinedCorpus
from joint.data.recorded.folders import open_recorded
from joint.data.recorded.surroundings import Noises, Rooms, Surroundings
from joint.training.config.augmentation import named_folders
from joint.training.config.schema import RecipeConfig
from joint.training.corpora import packed_store
from joint.training.distributed.fabric import Fabric

NATURAL = [1.0]
"""Speeds of noises and responses."""


def open_surroundings(config: RecipeConfig, fabric: Fabric) -> Surroundings:
    """The recordings of `augmentation`, packed into the recipe's cache where they are not there.

    Raises ConfigError, and DataError for a folder without such recordings.
    """
    given, cache, opened = config.augmentation, str(config.data.cache), {}
    for kind, value in ((Kind.NOISE, given.noise), (Kind.ROOMS, given.rooms)):
        if value is not None:
            opened[kind] = _opened(value, kind, config)
    # both are there: packing takes long
    packed = {kind: packed_store(cache, corpus, NATURAL, fabric) for kind, corpus in opened.items()}
    noises = rooms = None
    if Kind.NOISE in opened:
        noises = Noises(opened[Kind.NOISE], packed[Kind.NOISE], given.snr_db)
    if Kind.ROOMS in opened:
        rooms = Rooms(opened[Kind.ROOMS], packed[Kind.ROOMS])
    return Surroundings(noises, rooms)


def _opened(value: Any, kind: Kind, config: RecipeConfig) -> Corpus:
    named = named_folders(value, f"augmentation.{kind}")
    if named is None:
        return open_recorded(value, kind, config.data.shards)
    return JoinedCorpus(
        {n: open_recorded(folder.path, kind, config.data.shards) for n, folder in named.items()}
    )
