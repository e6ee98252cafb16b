"""CodecSpeakingTask: what all tasks share that speak by the codes of a codec."""

from collections.abc import Iterable, Sequence
from typing import ClassVar, Self

from joint.data.corpus import Corpus
from joint.data.phones import need_phones
from joint.errors import ConfigError
from joint.scene import SceneBatch
from joint.synthesis.codec.codec import Codec
from joint.synthesis.examples import FIELDS, mean_losses
from joint.synthesis.speaking import SpeakingTask
from joint.task import Encode


class CodecSpeakingTask(SpeakingTask):
    """Makes the codes of a codec, which stays as it is, and the waveform by it.

    Args:
        phones: The inventory of the corpus. Raises ConfigError where there are none.
        codec: Its weights come from a training of `tasks.codec` (`init_parts`). Raises ConfigError
            for one quantiser.
    """

    requires: ClassVar[frozenset[str]] = FIELDS
    makes_waveform: ClassVar[bool] = True

    def __init__(self, phones: Sequence[str], codec: Codec) -> None:
        super().__init__()
        need_phones(phones)
        quantizers, _ = codec.sizes
        if quantizers < 2:
            raise ConfigError("codec.quantizer.quantizers", str(quantizers), "2 or more")
        self.codec = codec.requires_grad_(False)

    def train(self, mode: bool = True) -> Self:
        """The codec is never trained here."""
        super().train(mode)
        self.codec.eval()
        return self

    def setup(self, corpus: Corpus) -> None:
        """See Task: refuses a codec that no training has filled."""
        self.codec.need_trained("codec")

    def validate(self, encode: Encode, batches: Iterable[SceneBatch]) -> dict[str, float]:
        """The losses on held-out utterances, with the same draws each time."""
        return mean_losses(lambda batch: self.loss(encode, batch, 1.0), batches)
