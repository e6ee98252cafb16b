"""What a network that is conditioned on a speaker asks for of the mixture, beside the enrolment."""

from dataclasses import replace

from torch import Tensor, nn

from joint.conditioning.fusion import Conditioning
from joint.conditioning.local_similarity import LocalSimilarity
from joint.outputs import SpeakerEncoding
from joint.task import MIXTURE, Encode


def with_mixture(
    network: nn.Module,
    encode: Encode,
    mixture: Tensor,
    lengths: Tensor,
    encoding: SpeakerEncoding,
) -> SpeakerEncoding:
    """The `encoding` of `B·K` enrolments with what parts of the `network` read of `mixture (B, S)`
    with `lengths (B,)` in Samples: how similar it is to each person where there is a
    LocalSimilarity, what the encoder makes of it where a conditioning `reads_mixture`."""
    similarity = _similarity(network)
    if similarity is not None:
        measured = similarity.measure(encode, mixture, lengths, encoding)
        encoding = replace(encoding, similarity=measured)
    if _reads_mixture(network):
        encoding = replace(encoding, mixture=encode(mixture, lengths, MIXTURE))
    return encoding


def asks_for_mixture(network: nn.Module) -> bool:
    """Whether `with_mixture` adds anything for the `network`."""
    return _reads_mixture(network) or _similarity(network) is not None


def _similarity(network: nn.Module) -> LocalSimilarity | None:
    return next((part for part in network.modules() if isinstance(part, LocalSimilarity)), None)


def _reads_mixture(network: nn.Module) -> bool:
    return any(isinstance(part, Conditioning) and part.reads_mixture for part in network.modules())
