"""USEF-SepFormer: a dual-path transformer that attends to the enrolment, without an embedding."""

import torch
import torch.nn.functional as F
from einops import repeat
from torch import Tensor, nn

from joint.errors import ConfigError
from joint.outputs import SpeakerEncoding
from joint.units import Samples
from tasks.extraction.extractor import Estimate, Extractor
from tasks.extraction.extractors.enrolled import enrolled_recording, first
from tasks.extraction.extractors.spectral import loudness
from tasks.extraction.extractors.spectrum import level_of
from tasks.extraction.extractors.time_domain.filters import LearnedFilters, LearnedSynthesis


class EnrollmentAttention(nn.Module):
    """Each frame of a mixture attends to an enrolment's frames, of which every `pool` are one; the
    result and the frame become one vector again."""

    def __init__(self, features: int, heads: int, pool: int) -> None:
        super().__init__()
        if features % heads:
            raise ConfigError("heads", str(heads), f"a divisor of {features} features")
        self.pool = pool
        self.norm = nn.LayerNorm(features)
        self.attention = nn.MultiheadAttention(features, heads, batch_first=True)
        self.merge = nn.Linear(2 * features, features)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor) -> Tensor:
        """`x (B, F, N)`, `memory (B, M, N)`, `mask (B, M)`, True where it has a frame → `x`'s
        shape."""
        memory = self.norm(memory) * mask.unsqueeze(2)
        if self.pool > 1:
            memory, share = (
                F.avg_pool1d(part.transpose(1, 2), self.pool, ceil_mode=True).transpose(1, 2)
                for part in (memory, mask.unsqueeze(2).to(memory.dtype))
            )
            memory = memory / share.clamp(min=1e-3)
            mask = share.squeeze(2) > 0
        attended, _ = self.attention(
            self.norm(x), memory, memory, key_padding_mask=~mask, need_weights=False
        )
        merged: Tensor = self.merge(torch.cat([x, attended], dim=2))
        return merged


class UsefSepFormer(Extractor):
    """Learned filters for mixture and enrolment alike, attention from one to the other (Zeng and
    Li, "USEF-TSE", 2024; before it SEF-Net, Interspeech 2023), then SepFormer's transformers within
    chunks of `chunk` frames and across them, `layers` each, `depth` times (Subakan et al., ICASSP
    2021; SpeechBrain's), and a mask over the filters.

    It needs an enrolment's recording; the embedding is not read. A mixture twice as loud gives an
    estimate twice as loud, and silence gives silence. Raises ConfigError where the package
    speechbrain is not installed.
    """

    def __init__(
        self,
        embedding_dim: int,
        filters: int = 256,
        window: Samples = 16,
        hop: Samples = 8,
        features: int = 256,
        chunk: int = 250,
        depth: int = 2,
        layers: int = 8,
        heads: int = 8,
        feed_forward: int = 1024,
        pool: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        try:
            from speechbrain.lobes.models.dual_path import Dual_Path_Model, SBTransformerBlock
        except ImportError:
            expected = "the extra `speechbrain` (pip install speechbrain)"
            raise ConfigError("speechbrain", "no such package", expected) from None
        self.filters = LearnedFilters(filters, [window], hop)
        self.bottleneck = nn.Sequential(nn.LayerNorm(filters), nn.Linear(filters, features))
        self.attention = EnrollmentAttention(features, heads, pool)
        within, across = (
            SBTransformerBlock(
                layers,
                features,
                heads,
                feed_forward,
                dropout=dropout,
                use_positional_encoding=True,
                norm_before=True,
            )
            for _ in range(2)
        )
        self.body = Dual_Path_Model(
            features,
            features,
            within,
            across,
            num_layers=depth,
            K=chunk,
            num_spks=1,
            linear_layer_after_inter_intra=False,
        )
        self.mask = nn.Linear(features, filters)
        self.synthesis = LearnedSynthesis(filters, [window], hop)

    def forward(self, mixture: Tensor, encoding: SpeakerEncoding) -> Estimate:
        """See Extractor."""
        memory, own = self.memory(encoding)
        people = len(memory) // len(mixture)
        (filtered,) = self.filters(mixture / level_of(mixture))
        x = repeat(self.bottleneck(filtered), "b f n -> (b k) f n", k=people)
        x = self.attention(x, memory, own)
        x = self.body(x.transpose(1, 2)).squeeze(0).transpose(1, 2)
        mask = torch.relu(self.mask(x))
        masked = mask * repeat(filtered, "b f n -> (b k) f n", k=people)
        (waveform,) = self.synthesis([masked], mixture.shape[1])
        return Estimate(waveform * repeat(loudness(mixture), "b 1 -> (b k) 1", k=people))

    def memory(self, encoding: SpeakerEncoding) -> tuple[Tensor, Tensor]:
        """The enrolments' features `(B·K, M, N)` and a mask `(B·K, M)`, True where a recording has
        a frame."""
        waveform, lengths = enrolled_recording(encoding)
        (filtered,) = self.filters(waveform)
        window, hop = self.filters.windows[0], self.filters.hop
        counts = 1 + ((lengths - window + hop - 1) // hop).clamp(min=0)
        memory: Tensor = self.bottleneck(filtered)
        return memory, first(counts, memory.shape[1])
