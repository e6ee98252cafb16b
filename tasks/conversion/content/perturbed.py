"""PerturbedContent: what stays of a recording whose voice is perturbed, and its Yingram (NANSY)."""

import torch
from torch import Tensor, nn

from joint.synthesis.convnext import ConvNextStack
from tasks.conversion.content.base import Content, Read, Speech, Targets, instance_normalised
from tasks.conversion.content.features import FrameFeatures
from tasks.conversion.content.perturbation import Perturbation
from tasks.conversion.content.yingram import BINS, yingram


class PerturbedContent(Content):
    """NANSY (Choi et al., NeurIPS 2021): no bottleneck, but perturbed inputs. In training the words
    are read from f(x) = fs(pr(peq(x))) and the pitch, as a Yingram, from g(x) = fs(peq(x)), while
    the spectrogram to be made is that of x: what the perturbation changes, formants, pitch and
    spectral shape, has to come from the speaker's embedding.

    The last `BINS` features are the Yingram, for the `source_dim` of SourceFilterModel.

    Args:
        features: What the words are read from.
        width: Channels of the words.
        dim, blocks, hidden: Of the ConvNeXt blocks on the features.
        shaped: Gains of the random filters, in dB.

    Raises ConfigError without the package parselmouth.
    """

    has_pitch = True

    def __init__(
        self,
        features: FrameFeatures,
        width: int = 128,
        dim: int = 256,
        blocks: int = 2,
        hidden: int = 512,
        shaped: float = 12.0,
    ) -> None:
        super().__init__()
        self.features = features
        self.body = ConvNextStack(features.width, dim, blocks, hidden)
        self.words = nn.Linear(dim, width)
        self.of_words = Perturbation(shaped=shaped)
        self.of_pitch = Perturbation(pitch=1.0, spread=1.0, shaped=shaped)
        self.width = width + BINS

    @property
    def layers(self) -> frozenset[str]:
        """See Content."""
        return self.features.layers

    def forward(self, speech: Speech, targets: Targets | None = None) -> Read:
        """See Content."""
        for_words = for_pitch = speech.waveform
        if targets is not None and self.training:
            for_words = self.of_words(speech.waveform, speech.lengths)
            for_pitch = self.of_pitch(speech.waveform, speech.lengths)
        read = instance_normalised(self.features(speech, for_words), speech.mask)
        words: Tensor = self.words(self.body(read, speech.mask)).float()
        pitch = yingram(for_pitch, speech.lengths, speech.raised)
        return Read(torch.cat([words, pitch], dim=2) * speech.mask)
