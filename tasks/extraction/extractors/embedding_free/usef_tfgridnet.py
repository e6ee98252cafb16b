"""USEF-TFGridNet: TF-GridNet that attends to the enrolment's own spectrum, without an embedding."""

from typing import Literal

import torch
from einops import repeat
from torch import Tensor, nn

from joint.outputs import SpeakerEncoding
from joint.units import Samples
from tasks.extraction.extractors.enrolled import enrolled_recording, first
from tasks.extraction.extractors.grid.attention import FullBandAttention
from tasks.extraction.extractors.grid.block import GridBlock
from tasks.extraction.extractors.spectral import SpectralExtractor, frequencies
from tasks.extraction.extractors.spectrum import compressed
from tasks.extraction.extractors.tfgridnet import GridDecoder, GridEncoder


class UsefTfGridNet(SpectralExtractor):
    """One convolution reads mixture and enrolment; each frame of the mixture attends to the frames
    of the enrolment, and what it finds stands beside its features in the blocks, which so have
    twice as many (Zeng and Li, "USEF-TSE", 2024).

    Arguments as in `TfGridNetExtractor`. It needs an enrolment's recording; the embedding is not
    read. Raises ConfigError for a `stride` that does not divide half the `window`.
    """

    def __init__(
        self,
        embedding_dim: int,
        window: Samples = 128,
        hop: Samples = 64,
        features: int = 128,
        depth: int = 6,
        hidden: int = 256,
        kernel: int = 1,
        kernel_hop: int = 1,
        heads: int = 4,
        query_dim: int = 512,
        stride: int = 1,
        gives: Literal["spectrum", "mask"] = "spectrum",
        compression: float = 1.0,
    ) -> None:
        super().__init__(window, hop, gives, compression)
        bins = frequencies(window, stride)
        self.encode = GridEncoder(features, stride)
        self.attention = FullBandAttention(features, bins, heads, query_dim)
        self.blocks = nn.ModuleList(
            GridBlock(2 * features, bins, hidden, kernel, kernel_hop, heads, query_dim)
            for _ in range(depth)
        )
        self.decode = GridDecoder(2 * features, stride)

    def network(self, spectrum: Tensor, encoding: SpeakerEncoding) -> Tensor:
        """See SpectralExtractor."""
        memory, mask = self.memory(encoding)
        x = repeat(self.encode(spectrum), "b ... -> (b k) ...", k=len(memory) // len(spectrum))
        x = torch.cat([x, self.attention(x, memory, mask).to(x.dtype)], dim=3)
        for block in self.blocks:
            x = block(x)
        y: Tensor = self.decode(x)
        return y

    def memory(self, encoding: SpeakerEncoding) -> tuple[Tensor, Tensor]:
        """The enrolments' features `(B·K, M, bins, features)` and a mask `(B·K, M)`, True where a
        recording has a frame."""
        waveform, lengths = enrolled_recording(encoding)
        spectrum = self.spectrum(waveform)
        mask = first(self.spectrum.frames(lengths), spectrum.shape[1])
        spectrum = compressed(spectrum, self.compression) * mask.unsqueeze(2)
        return self.encode(spectrum, mask), mask
