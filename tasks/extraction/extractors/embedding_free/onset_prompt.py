"""LExt: the enrolment stands before the mixture in time, and any extractor goes on with it."""

from collections.abc import Callable
from dataclasses import replace

import torch
from einops import repeat
from torch import Tensor

from joint.conditioning.mixture import asks_for_mixture
from joint.errors import ConfigError
from joint.outputs import SpeakerEncoding
from joint.units import Samples
from tasks.extraction.extractor import Estimate, Extractor
from tasks.extraction.extractors.enrolled import enrolled_recording
from tasks.extraction.extractors.spectral import loudness


class OnsetPrompted(Extractor):
    """Puts the enrolment, `glue` Samples of silence and the mixture one behind the other, gives
    them to an `extractor`, and cuts its estimate where the mixture begins: who speaks first is the
    target (Shen et al., "Listen to Extract: Onset-Prompted Target Speaker Extraction", 2025).

    The enrolment is brought to the mixture's level and to `prompt` Samples, by cutting it or by
    repeating it, so that an estimate does not depend on the lengths of others in its batch. The
    inner extractor is conditioned on zeros, and so on nobody, unless `embedding` is on: then it
    has both cues. It needs an enrolment's recording; the inner extractor's answers to louder and to
    silent mixtures stay.

    Raises ConfigError for a `prompt` that is empty, and for an inner extractor that compares the
    mixture with the enrolment.
    """

    def __init__(
        self,
        embedding_dim: int,
        extractor: Callable[..., Extractor],
        prompt: Samples = 32_000,
        glue: Samples = 512,
        embedding: bool = False,
    ) -> None:
        super().__init__()
        if prompt < 1:
            raise ConfigError("prompt", str(prompt), "at least one sample")
        self.extractor = extractor(embedding_dim=embedding_dim)
        if asks_for_mixture(self.extractor):
            found = "one that compares the mixture with the enrolment"
            raise ConfigError("extractor", found, "another: the enrolment stands in what it reads")
        self.prompt, self.glue, self.embedding = prompt, glue, embedding

    def forward(self, mixture: Tensor, encoding: SpeakerEncoding) -> Estimate:
        """See Extractor."""
        waveform, lengths = enrolled_recording(encoding)
        people = len(waveform) // len(mixture)
        mixture = repeat(mixture, "b s -> (b k) s", k=people)
        prompt = of_length(waveform, lengths, self.prompt) * loudness(mixture)
        glue = prompt.new_zeros(len(prompt), self.glue)
        if not self.embedding:
            encoding = replace(encoding, embedding=torch.zeros_like(encoding.embedding))
        estimate = self.extractor(torch.cat([prompt, glue, mixture], dim=1), encoding)
        begin = self.prompt + self.glue
        others = tuple(other[:, begin:] for other in estimate.others)
        return Estimate(estimate.waveform[:, begin:], others=others)


def of_length(waveform: Tensor, lengths: Tensor, count: Samples) -> Tensor:
    """The first `count` samples of each row of `waveform (B, S)`, which begins again where its
    `lengths (B,)` Samples are over: `(B, count)`."""
    place = torch.arange(count, device=waveform.device) % lengths.clamp(min=1)[:, None]
    return waveform.gather(1, place)
