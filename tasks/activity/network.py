"""The head: what the encoder makes of a mixture, and who is enrolled, to each person's activity."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.conditioning.fusion import FilmFusion
from joint.conditioning.local_similarity import LocalSimilarity
from joint.encoders.frames import FrameConv, Frames
from joint.outputs import SpeakerEncoding
from joint.task import Encode


class ConvolutionBlock(nn.Module):
    """A dilated depthwise convolution between two linear layers, around a residual connection."""

    def __init__(self, width: int, kernel_size: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, width)
        self.conv = FrameConv(width, width, kernel_size, dilation, groups=width)
        self.merge = nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """`(B, F, H)` → `(B, F, H)`."""
        y = F.gelu(self.expand(self.norm(x)))
        merged: Tensor = self.merge(F.gelu(self.conv(y, mask)))
        return x + merged.to(x.dtype)


class PeopleLayer(nn.Module):
    """Adds to what is known of each person the largest of what is known of the others, feature by
    feature; a person alone has none. The order of the people does not matter, nor does their
    number."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.own = nn.Linear(width, width)
        self.others = nn.Linear(width, width, bias=False)
        self.merge = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, K, F, H)` → `(B, K, F, H)`."""
        y = self.norm(x)
        mixed = self.own(y)
        if x.shape[1] > 1:
            first, second = y.topk(2, dim=1).values.unbind(dim=1)
            first, second = first.unsqueeze(1), second.unsqueeze(1)
            mixed = mixed + self.others(torch.where(y == first, second, first))
        merged: Tensor = self.merge(F.gelu(mixed))
        return x + merged.to(x.dtype)


class ActivityNetwork(nn.Module):
    """Target-speaker voice activity detection (Medennikov et al., "Target-speaker voice activity
    detection", Interspeech 2020) on the frames of the shared encoder.

    Each person is looked for by the same layers: the mixture's frames, modulated by the person's
    embedding (FiLM), with the similarity of windows of the mixture to the enrolment added, go
    through dilated convolutions. With `people` a layer over all people follows, and further
    convolutions; without it people do not depend on each other. The network of the paper has BLSTMs
    in place of the convolutions, and a fixed number of people.

    Args:
        feature_dim: channels of the encoder's frames.
        outputs: numbers for each person and frame.
        kernel_size: of the convolutions; their dilations are those of `dilations`, once before the
            layer over people and, up to the last but one, once after it.
        window, step: see LocalSimilarity, in Samples.
    """

    def __init__(
        self,
        embedding_dim: int,
        feature_dim: int,
        outputs: int = 1,
        people: bool = True,
        width: int = 96,
        kernel_size: int = 5,
        dilations: Sequence[int] = (1, 2, 4, 8),
        window: int = 16_000,
        step: int = 16_000,
    ) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(feature_dim)
        self.project = nn.Linear(feature_dim, width)
        self.fusion = FilmFusion(width, embedding_dim)
        self.similarity = LocalSimilarity(width, window, step)
        self.before = nn.ModuleList(ConvolutionBlock(width, kernel_size, d) for d in dilations)
        self.people = PeopleLayer(width) if people else None
        after = dilations[:-1] if people else ()
        self.after = nn.ModuleList(ConvolutionBlock(width, kernel_size, d) for d in after)
        self.output = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, outputs))

    def forward(
        self,
        frames: Frames,
        encode: Encode,
        mixture: Tensor,
        lengths: Tensor,
        enrolled: SpeakerEncoding,
    ) -> Tensor:
        """Logits `(B, K, F, outputs)`, float32.

        Args:
            frames: `(B, F, D)` of `mixture (B, S)` with `lengths (B,)` in Samples.
            enrolled: of `B·K` people.
        """
        people = len(enrolled.embedding) // len(mixture)
        x = self.project(self.norm(frames.features)).repeat_interleave(people, dim=0)
        x = self.fusion(x, enrolled)
        measured = self.similarity.measure(encode, mixture, lengths, enrolled)
        x = self.similarity.add(frames.with_features(x), measured).features
        mask = None if frames.mask is None else frames.mask.repeat_interleave(people, dim=0)
        for block in self.before:
            x = block(x, mask)
        if self.people is not None:
            x = self.people(x.unflatten(0, (len(mixture), people))).flatten(0, 1)
        for block in self.after:
            x = block(x, mask)
        logits: Tensor = self.output(x).float()
        return logits.unflatten(0, (len(mixture), people))
