"""Two real sentences, and a codec whose codebooks are filled with them."""

from pathlib import Path

import pytest
from tiny_synthesis import codec, spoken_batch, trained
from torch import Tensor

from joint.data.corpus import Corpus
from joint.data.opening import open_corpus
from joint.scene import SceneBatch

SENTENCES = ("THE CUTE ELEPHANT", "HIS EYES WERE ROLLING AROUND")


@pytest.fixture(scope="module")
def corpus(aligned: Path) -> Corpus:
    return open_corpus(aligned)


@pytest.fixture(scope="module")
def batch(corpus: Corpus) -> SceneBatch:
    texts = [u.text for u in corpus.utterances]
    return spoken_batch(corpus, [texts.index(text) for text in SENTENCES])


@pytest.fixture(scope="module")
def weights(batch: SceneBatch) -> dict[str, Tensor]:
    """Of a codec whose codebooks are filled with the two sentences, so that codes differ."""
    assert batch.sources is not None
    return trained(codec(size=16), batch.sources[:, 0], steps=1).state_dict()
