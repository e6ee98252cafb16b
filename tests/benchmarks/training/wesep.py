"""WeSep's BSRNN as an extractor of ours, for tests/benchmarks/training/wesep.yaml."""

from pathlib import Path

from einops import repeat
from torch import Tensor

from joint.outputs import SpeakerEncoding
from tasks.extraction.extractor import Estimate, Extractor
from tests.benchmarks.peers import wesep_bsrnn


class WesepBsrnn(Extractor):
    """The network of a WeSep `checkout` as its recipe has it, without a speaker encoder: it gets
    the embeddings that our extractors get, and the mixture at its own level."""

    def __init__(self, embedding_dim: int, checkout: str) -> None:
        super().__init__()
        self.network = wesep_bsrnn(Path(checkout), embedding_dim)

    def forward(self, mixture: Tensor, encoding: SpeakerEncoding) -> Estimate:
        """See Extractor."""
        people = len(encoding.embedding) // len(mixture)
        mixtures = repeat(mixture, "b s -> (b k) s", k=people)
        return Estimate(self.network(mixtures, encoding.embedding)[0])
