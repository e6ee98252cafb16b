"""One convention of time: frame f is centred on sample `offset + f·hop`, through every stride."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.encoders.backbones.conformer import MfaConformer
from joint.encoders.backbones.rawnet import RawNet3
from joint.encoders.backbones.residual.dfresnet import GeminiDfResNet60
from joint.encoders.backbones.residual.resnet import ResNet34
from joint.encoders.encoder import SpeakerEncoder
from joint.encoders.frames import Frames
from joint.encoders.frontends.filterbank import Filterbank, Frontend
from joint.encoders.frontends.sinc import SincFilterbank
from joint.encoders.pooling.statistics import StatisticsPooling


def centres(frames: Frames, count: int) -> Tensor:
    return frames.offset + frames.hop * torch.arange(float(count))


def test_strides_and_pooling_keep_the_centres() -> None:
    """Features that are their own centres stay so."""
    frames = Frames(torch.zeros(1, 24, 1), None, 160, 200)
    own = centres(frames, 24)
    strided = frames.strided(own[None, ::4, None], None, 4)
    assert torch.equal(strided.features[0, :, 0], centres(strided, 6))
    pooled = frames.pooled(F.avg_pool1d(own[None], 3).unsqueeze(2), None, 3)
    again = pooled.pooled(F.avg_pool1d(pooled.features[:, :, 0], 2).unsqueeze(2), None, 2)
    for found in (pooled, again):
        assert torch.equal(found.features[0, :, 0], centres(found, found.features.shape[1]))


@pytest.mark.parametrize(
    "frontend, backbone, layers",
    [
        (Filterbank(80), ResNet34(80, 8), {"stage1": (160, 200), "stage4": (1280, 200)}),
        (Filterbank(80), GeminiDfResNet60(80, 8), {"stage1": (160, 200), "stage4": (320, 200)}),
        (Filterbank(40), MfaConformer(40, 16, 2, 2, 32), {"block2": (640, 200)}),
        # the maximum of 5 frames lies at the third of them, that of 15 at the eighth
        (
            SincFilterbank(),
            RawNet3(256, 16, 24),
            {"block1": (80, 125 + 2 * 16), "block3": (240, 125 + 7 * 16)},
        ),
    ],
    ids=["ResNet", "DF-ResNet", "Conformer", "RawNet3"],
)
def test_layers_say_where_their_frames_are(
    frontend: Frontend, backbone: nn.Module, layers: dict[str, tuple[int, int]]
) -> None:
    encoder = SpeakerEncoder(frontend, backbone, StatisticsPooling).eval()
    with torch.no_grad():
        found = encoder(0.1 * torch.randn(1, 8000), None, tuple(layers)).layers
    assert {name: (layer.hop, layer.offset) for name, layer in found.items()} == layers
    for layer in found.values():
        last = layer.offset + layer.hop * (layer.features.shape[2] - 1)
        assert 8000 - layer.hop - frontend.window <= last < 8000
