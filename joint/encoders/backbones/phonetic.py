"""Encoders that use the output of a phone classifier beside the acoustic features.

A phonetic network, trained before on phones and constant here, classifies every frame. Three ways
to use that: at the input (implicit phonetic attention) and in the weights of the pooling (explicit;
Zhou et al., ASRU 2019), and in a stem of its own beside an acoustic one and one that reads both
(phonetically-aware coupled network). Its weights come by `init_parts` in the recipe.
"""

from typing import cast

import torch
from torch import Tensor, nn

from joint.encoders.constant import constant
from joint.encoders.encoder import output_dim
from joint.encoders.frames import FrameConv, FrameNorm, Frames
from joint.encoders.pooling.statistics import attentive_moments
from joint.errors import ConfigError


class PhoneticNetwork(nn.Module):
    """A backbone's `layer` of `width` channels, as a constant part of the encoder."""

    def __init__(self, backbone: nn.Module, layer: str, width: int) -> None:
        super().__init__()
        constant(backbone)
        self.backbone, self.layer, self.width = backbone, layer, width

    def train(self, mode: bool = True) -> "PhoneticNetwork":
        """Its norms never count again."""
        return cast(PhoneticNetwork, super().train(False))

    def forward(self, frames: Frames) -> Tensor:
        """`(B, F, features)` → `(B, F, width)`. Raises ConfigError for a layer that is not there,
        is of another width or has another rate than the frames."""
        with torch.no_grad():
            layers = self.backbone(frames)[1]
        if self.layer not in layers:
            raise ConfigError("phonetic layer", self.layer, " or ".join(layers))
        found = layers[self.layer]
        if found.features.shape[2] != self.width or (found.hop, found.offset) != (
            frames.hop,
            frames.offset,
        ):
            shown = f"{found.features.shape[2]} channels, every {found.hop} samples"
            raise ConfigError(f"phonetic layer {self.layer}", shown, f"{self.width}, every frame")
        return cast(Tensor, found.features)


class _Bottleneck(nn.Module):
    """The phonetic network's frames in `width` channels."""

    def __init__(self, phonetic: PhoneticNetwork, width: int) -> None:
        super().__init__()
        self.phonetic = phonetic
        self.project = nn.Linear(phonetic.width, width)
        self.norm = FrameNorm(width)

    def forward(self, frames: Frames) -> Tensor:
        """`(B, F, features)` → `(B, F, width)`."""
        found: Tensor = self.norm(self.project(self.phonetic(frames)))
        return found


class ImplicitPhoneticAttention(nn.Module):
    """`backbone` reads the features and `width` phonetic ones beside them: it is built for both."""

    def __init__(self, backbone: nn.Module, phonetic: PhoneticNetwork, width: int = 40) -> None:
        super().__init__()
        self.bottleneck, self.backbone = _Bottleneck(phonetic, width), backbone
        self.output_dim = output_dim(backbone)

    def forward(self, frames: Frames) -> tuple[Frames, dict[str, Frames]]:
        """As `backbone`."""
        both = torch.cat([frames.features, self.bottleneck(frames)], dim=-1)
        found: tuple[Frames, dict[str, Frames]] = self.backbone(frames.with_features(both))
        return found


class ExplicitPhoneticAttention(nn.Module):
    """`backbone` reads the features alone; beside its frames come `width` phonetic ones, of a
    convolution over 5 frames, for `PhoneticAttentionPooling`."""

    def __init__(self, backbone: nn.Module, phonetic: PhoneticNetwork, width: int = 64) -> None:
        super().__init__()
        self.phonetic, self.backbone = phonetic, backbone
        self.guide = FrameConv(phonetic.width, width, 5)
        self.output_dim = output_dim(backbone) + width

    def forward(self, frames: Frames) -> tuple[Frames, dict[str, Frames]]:
        """As `backbone`, its frames widened. Raises ConfigError where it lowers the rate."""
        last, layers = self.backbone(frames)
        if last.hop != frames.hop:
            raise ConfigError("backbone", f"a frame every {last.hop} samples", "one for each frame")
        guide = torch.relu(self.guide(self.phonetic(frames), frames.mask))
        return last.with_features(torch.cat([last.features, guide], dim=-1)), layers


class PhoneticAttentionPooling(nn.Module):
    """Mean and deviation of the acoustic frames, under weights that come from the `guide` phonetic
    channels alone: `(B, F, D + guide)` → `(B, heads · 2D)`."""

    def __init__(self, input_dim: int, guide: int = 64, heads: int = 1) -> None:
        super().__init__()
        self.width = input_dim - guide
        if self.width <= 0:
            raise ConfigError("guide", str(guide), f"fewer than the {input_dim} channels")
        self.attention = nn.Linear(guide, heads)
        self.output_dim = 2 * heads * self.width

    def forward(self, frames: Frames) -> Tensor:
        """`(B, F, D + guide)` → `(B, heads · 2D)`."""
        x, guide = frames.features.split([self.width, frames.features.shape[2] - self.width], 2)
        scores = self.attention(guide)
        if frames.mask is not None:
            scores = scores.masked_fill(~frames.mask.unsqueeze(-1), float("-inf"))
        moments = [
            moment
            for head in scores.unbind(dim=-1)
            for moment in attentive_moments(x, head.unsqueeze(-1).expand_as(x))
        ]
        return torch.cat(moments, dim=-1)


class CoupledBackbone(nn.Module):
    """Three stems side by side, their last frames joined: `acoustic` reads the features, `coupled`
    them and `width` phonetic ones, `stem` the phonetic ones alone."""

    def __init__(
        self,
        acoustic: nn.Module,
        coupled: nn.Module,
        stem: nn.Module,
        phonetic: PhoneticNetwork,
        width: int = 40,
    ) -> None:
        super().__init__()
        self.bottleneck = _Bottleneck(phonetic, width)
        self.acoustic, self.coupled, self.stem = acoustic, coupled, stem
        self.output_dim = sum(output_dim(part) for part in (acoustic, coupled, stem))

    def forward(self, frames: Frames) -> tuple[Frames, dict[str, Frames]]:
        """The joined frames, and the stems' layers as `acoustic.NAME`, `coupled.NAME`, …."""
        phonetic = self.bottleneck(frames)
        stems = {
            "acoustic": self.acoustic(frames),
            "coupled": self.coupled(
                frames.with_features(torch.cat([frames.features, phonetic], dim=-1))
            ),
            "phonetic": self.stem(frames.with_features(phonetic)),
        }
        last = [frames for frames, _ in stems.values()]
        layers = {f"{s}.{n}": x for s, (_, inner) in stems.items() for n, x in inner.items()}
        return last[0].with_features(torch.cat([x.features for x in last], dim=-1)), layers
