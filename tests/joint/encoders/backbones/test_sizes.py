"""Published parameter counts, in millions, at the published settings."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import nn

from joint.encoders.backbones.campplus import CamPlusPlus
from joint.encoders.backbones.dvector import LastFramePooling, LstmBackbone
from joint.encoders.backbones.ecapa import EcapaTdnn
from joint.encoders.backbones.rawnet import RawNet3
from joint.encoders.backbones.redimnet import ReDimNetB0, ReDimNetB2, ReDimNetB3
from joint.encoders.backbones.residual import resnet
from joint.encoders.backbones.residual.dfresnet import GeminiDfResNet114
from joint.encoders.backbones.residual.eres2net import ERes2Net34
from joint.encoders.backbones.residual.repvgg import RepVggTinyA0, fold
from joint.encoders.backbones.residual.res2net import Res2Net34
from joint.encoders.backbones.residual.seresnet import SeResNet
from joint.encoders.backbones.residual.simam import SimamResNet34, SimamResNet100
from joint.encoders.backbones.tdnn import XvectorTdnn
from joint.encoders.encoder import SpeakerEncoder
from joint.encoders.frontends.filterbank import Filterbank
from joint.encoders.frontends.sinc import SincFilterbank
from joint.encoders.pooling.statistics import AttentiveStatisticsPooling, StatisticsPooling
from joint.errors import ConfigError

Pooling = Callable[[int], nn.Module]
ATTENTIVE: Pooling = partial(AttentiveStatisticsPooling, global_context=False)

PUBLISHED: dict[str, tuple[Callable[[], nn.Module], Pooling, int, float]] = {
    "ECAPA-512": (EcapaTdnn, AttentiveStatisticsPooling, 192, 6.19),
    "ECAPA-1024": (partial(EcapaTdnn, channels=1024), AttentiveStatisticsPooling, 192, 14.65),
    "Res2Net34": (Res2Net34, StatisticsPooling, 256, 4.68),
    "ERes2Net34": (ERes2Net34, StatisticsPooling, 192, 6.61),
    "DF-ResNet114": (GeminiDfResNet114, StatisticsPooling, 256, 6.53),
    "CAM++": (CamPlusPlus, StatisticsPooling, 512, 7.18),
    "d-vector": (LstmBackbone, LastFramePooling, 256, 1.42),
    "ReDimNet-B0": (ReDimNetB0, AttentiveStatisticsPooling, 192, 1.0),
    "ReDimNet-B3": (ReDimNetB3, AttentiveStatisticsPooling, 192, 3.2),
    "SE-ResNet": (SeResNet, partial(ATTENTIVE, norm=True), 256, 15.44),
    "SimAM-ResNet34": (SimamResNet34, ATTENTIVE, 256, 25.2),
    "SimAM-ResNet100": (SimamResNet100, ATTENTIVE, 256, 50.2),
    "ResNet34": (resnet.ResNet34, StatisticsPooling, 256, 6.63),
    "ResNet221": (resnet.ResNet221, StatisticsPooling, 256, 23.8),
    "ResNet293": (resnet.ResNet293, StatisticsPooling, 256, 28.6),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_size(name: str) -> None:
    backbone, pooling, embedding_dim, millions = PUBLISHED[name]
    with torch.device("meta"):
        made = backbone()
    encoder = SpeakerEncoder(Filterbank(80), made, pooling, embedding_dim)
    count = sum(p.numel() for p in encoder.parameters() if p.requires_grad) / 1e6
    assert count == pytest.approx(millions, rel=0.01)


@pytest.mark.parametrize(
    "kind, blocks", [("18", 8), ("50", 16), ("101", 33), ("152", 50), ("221", 73), ("293", 97)]
)
def test_as_deep_as_the_name_says(kind: str, blocks: int) -> None:
    made = getattr(resnet, f"ResNet{kind}")(channels=2)
    found = [b for stage in made.stages for b in stage]
    each = 2 if made.block is resnet.BasicBlock else 3
    assert len(found) == blocks and each * blocks + 2 == int(kind)


def test_rawnet3_is_as_large_as_published() -> None:
    encoder = SpeakerEncoder(SincFilterbank(), RawNet3(), AttentiveStatisticsPooling, 256)
    count = sum(p.numel() for p in encoder.parameters() if p.requires_grad) / 1e6
    assert count == pytest.approx(16.3, rel=0.01)


def test_xvector_is_as_large_as_published() -> None:
    encoder = SpeakerEncoder(
        Filterbank(80), XvectorTdnn(), StatisticsPooling, 512, second_layer=True
    )
    count = sum(p.numel() for p in encoder.parameters() if p.requires_grad) / 1e6
    assert count == pytest.approx(4.6, rel=0.01)


def test_redimnet_names_the_features_that_it_can_divide() -> None:
    with pytest.raises(ConfigError, match="features: found 81; expected a multiple of 8"):
        ReDimNetB3(81)
    with pytest.raises(ConfigError, match="106 features after its reduction"):
        ReDimNetB2(80)


def test_repvgg_is_as_large_as_published_when_folded() -> None:
    encoder = SpeakerEncoder(Filterbank(80), RepVggTinyA0(), StatisticsPooling, 256)
    fold(encoder)
    count = sum(p.numel() for p in encoder.parameters()) / 1e6
    assert count == pytest.approx(6.26, rel=0.01)
