"""The corpora of a recipe, opened: one Corpus, the part of it that a stream or task reads, and the
store of its waveforms."""

from collections.abc import Collection
from typing import Any

from joint.data.corpus import SHARD_CACHE, Corpus
from joint.data.joined import JoinedCorpus, warn_of_same_speakers
from joint.data.opening import open_corpus
from joint.data.storage.store import FileStore, JoinedStore, PackedStore, WaveformStore
from joint.training.config.corpora import named_corpora
from joint.training.config.schema import RecipeConfig
from joint.training.distributed.fabric import Fabric


def open_corpora(value: Any, where: str, shards: str = SHARD_CACHE) -> Corpus:
    """The corpus that a recipe's key `where` (`data.train`) has as its `value`; several are joined.

    Raises ConfigError for another value, DataError for what is no corpus.
    """
    named = named_corpora(value, where)
    if named is None:
        return open_corpus(value, shards)
    corpora = {name: open_corpus(corpus.path, shards) for name, corpus in named.items()}
    warn_of_same_speakers(corpora)
    return JoinedCorpus(corpora, {name: corpus.weight for name, corpus in named.items()})


def read_by(corpus: Corpus, names: Collection[str] | None) -> Corpus:
    """The corpus for scenes of its parts `names` alone; of all of it where None."""
    return corpus.only(names) if names is not None and isinstance(corpus, JoinedCorpus) else corpus


def of_task(config: RecipeConfig, corpus: Corpus, task: str) -> Corpus:
    """What a task may learn from: the corpora of the streams that it reads; all where it reads none
    (a head of weight 0, which is only carried along)."""
    chosen = [stream.corpora for stream in config.streams.values() if task in stream.tasks]
    if not isinstance(corpus, JoinedCorpus) or None in chosen or not chosen:
        return corpus
    return corpus.subset({name for names in chosen for name in names or ()})


def open_store(
    config: RecipeConfig, corpus: Corpus, speeds: list[float], fabric: Fabric
) -> WaveformStore:
    """Packed waveforms where the recipe names a cache; else the files."""
    cache = config.data.cache
    if cache is None:
        return FileStore(corpus)
    return packed_store(cache, corpus, speeds, fabric)


def packed_store(
    cache: str, corpus: Corpus, speeds: list[float], fabric: Fabric
) -> PackedStore | JoinedStore:
    """Packed waveforms in the folder `cache`, a file for each of several corpora; one process of a
    machine packs what is not there."""
    with fabric.rank_zero_first(local=True):
        if not isinstance(corpus, JoinedCorpus):
            return PackedStore(corpus, speeds, cache)
        packed = [PackedStore(corpus.member(part), speeds, cache) for part in corpus.parts]
        return JoinedStore(packed, [part.start for part in corpus.parts])


def described(corpus: Corpus) -> dict[str, Any]:
    """What a checkpoint says of its training corpus: sizes, and those of each of several."""
    found: dict[str, Any] = {"utterances": len(corpus), "speakers": len(corpus.speakers)}
    if isinstance(corpus, JoinedCorpus):
        found["corpora"] = {
            part.name: {
                "path": part.where,
                "weight": part.weight,
                "utterances": part.stop - part.start,
                "speakers": len(corpus.only([part.name]).scene_speakers),
            }
            for part in corpus.parts
        }
    return found
