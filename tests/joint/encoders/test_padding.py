"""A recording gets the same embedding in a padded batch as alone."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from tiny_models import randomise
from torch import Tensor, nn

from joint.encoders.backbones.campplus import CamPlusPlus
from joint.encoders.backbones.conformer import MfaConformer
from joint.encoders.backbones.dvector import LastFramePooling, LstmBackbone
from joint.encoders.backbones.ecapa import EcapaTdnn
from joint.encoders.backbones.phonetic import (
    CoupledBackbone,
    ExplicitPhoneticAttention,
    ImplicitPhoneticAttention,
    PhoneticAttentionPooling,
    PhoneticNetwork,
)
from joint.encoders.backbones.rawnet import RawNet3
from joint.encoders.backbones.redimnet import ReDimNetB2, ReDimNetB3
from joint.encoders.backbones.residual.dfresnet import GeminiDfResNet60
from joint.encoders.backbones.residual.eres2net import ERes2Net34
from joint.encoders.backbones.residual.repvgg import RepVggTinyA0
from joint.encoders.backbones.residual.res2net import Res2Net34
from joint.encoders.backbones.residual.resnet import ResNet34, ResNet50
from joint.encoders.backbones.residual.seresnet import SeResNet
from joint.encoders.backbones.residual.simam import SimamResNet34
from joint.encoders.backbones.spex import SpexSpeakerNetwork
from joint.encoders.backbones.tdnn import XvectorTdnn
from joint.encoders.encoder import SpeakerEncoder
from joint.encoders.frontends.filterbank import Filterbank, Frontend
from joint.encoders.frontends.learned import LearnedFilterbank
from joint.encoders.frontends.sinc import SincFilterbank
from joint.encoders.pooling.statistics import (
    AttentiveStatisticsPooling,
    AveragePooling,
    StatisticsPooling,
)

Backbone = Callable[[], nn.Module]
Pooling = Callable[[int], nn.Module]

PLAIN: Pooling = StatisticsPooling
ATTENTIVE: Pooling = partial(AttentiveStatisticsPooling, global_context=False)
CONTEXT: Pooling = partial(AttentiveStatisticsPooling, global_context=True)

GUIDED: Pooling = partial(PhoneticAttentionPooling, guide=24, heads=2)


def phonetic() -> PhoneticNetwork:
    return PhoneticNetwork(XvectorTdnn(channels=32, output_dim=48), "tdnn3", 32)


def small(features: int = 80) -> nn.Module:
    return XvectorTdnn(features, channels=32, output_dim=48)


ENCODERS: dict[str, tuple[Backbone, Pooling]] = {
    "x-vector": (XvectorTdnn, PLAIN),
    "x-vector, attentive": (partial(XvectorTdnn, channels=64, output_dim=96), ATTENTIVE),
    "x-vector, attentive with context": (
        partial(XvectorTdnn, channels=64, output_dim=96),
        CONTEXT,
    ),
    "x-vector, leaky, reflected borders": (
        partial(XvectorTdnn, channels=64, output_dim=96, padding="reflect", slope=0.01),
        partial(StatisticsPooling, unbiased=True),
    ),
    "ECAPA-512": (EcapaTdnn, ATTENTIVE),
    "ECAPA-512, reflected borders": (partial(EcapaTdnn, padding="reflect"), CONTEXT),
    "ECAPA, normalised, centred": (
        partial(EcapaTdnn, channels=64, aggregated=96, last_norm=True),
        partial(AttentiveStatisticsPooling, centred=True),
    ),
    "ECAPA-512, plain": (EcapaTdnn, PLAIN),
    "ECAPA-1024": (partial(EcapaTdnn, channels=1024), CONTEXT),
    "ResNet34": (ResNet34, PLAIN),
    "Res2Net34": (partial(Res2Net34, channels=8), PLAIN),
    "ERes2Net34": (partial(ERes2Net34, channels=8), PLAIN),
    "DF-ResNet60": (partial(GeminiDfResNet60, channels=8), PLAIN),
    "CAM++": (CamPlusPlus, PLAIN),
    "ReDimNet-B2": (ReDimNetB2, CONTEXT),
    "ReDimNet-B3": (ReDimNetB3, CONTEXT),
    "d-vector": (partial(LstmBackbone, 80), LastFramePooling),
    "MFA-Conformer": (partial(MfaConformer, width=64, blocks=3, hidden=128), CONTEXT),
    "RawNet3": (partial(RawNet3, channels=64, aggregated=96), CONTEXT),
    "SpEx+": (SpexSpeakerNetwork, AveragePooling),
    "RepVGG": (RepVggTinyA0, PLAIN),
    "SimAM-ResNet34": (partial(SimamResNet34, channels=8), ATTENTIVE),
    "SE-ResNet": (
        partial(SeResNet, channels=8),
        partial(ATTENTIVE, norm=True, tanh=False, floor=1e-5),
    ),
    "ResNet50": (partial(ResNet50, channels=8), PLAIN),
    "implicit phonetic attention": (
        lambda: ImplicitPhoneticAttention(small(96), phonetic(), 16),
        PLAIN,
    ),
    "explicit phonetic attention": (
        lambda: ExplicitPhoneticAttention(small(), phonetic(), 24),
        GUIDED,
    ),
    "coupled": (
        lambda: CoupledBackbone(small(), small(96), small(16), phonetic(), 16),
        CONTEXT,
    ),
    "ResNet34, attentive": (partial(ResNet34, channels=8), CONTEXT),
}


@pytest.fixture(params=ENCODERS.values(), ids=ENCODERS.keys())
def encoder(request: pytest.FixtureRequest) -> SpeakerEncoder:
    backbone, pooling = request.param
    torch.manual_seed(0)
    frames = backbone()
    frontend: Frontend = Filterbank(getattr(frames, "features", 80))
    if isinstance(frames, RawNet3):
        frontend = SincFilterbank()
    if isinstance(frames, SpexSpeakerNetwork):
        frontend = LearnedFilterbank()
    made = SpeakerEncoder(frontend, frames, pooling)
    randomise(made)
    return made.eval()


def differs_by(found: Tensor, expected: Tensor) -> float:
    """The largest difference; beside the largest value where that is above 1."""
    assert found.shape == expected.shape
    return float((found - expected).abs().max() / expected.abs().max().clamp(min=1.0))


def test_padded_equals_alone(encoder: SpeakerEncoder, padded: tuple[Tensor, Tensor]) -> None:
    waveform, lengths = padded
    logarithm_near_zero = isinstance(encoder.frontend, SincFilterbank)  # it shows every rounding
    with torch.no_grad():
        together = encoder(waveform, lengths)
        for i, length in enumerate(lengths.tolist()):
            alone = encoder(waveform[i : i + 1, :length])
            assert differs_by(together.embedding[i], alone.embedding[0]) < 1e-4
            own = together.frames[i][:, together.frame_mask[i]]
            assert differs_by(own, alone.frames[0]) < (2e-3 if logarithm_near_zero else 2e-4)
            assert alone.frame_mask.all()


def test_digital_silence_counts_nowhere(
    encoder: SpeakerEncoder, padded: tuple[Tensor, Tensor]
) -> None:
    if not isinstance(encoder.frontend, Filterbank):
        pytest.skip("a front-end without a floor")
    waveform, lengths = padded[0].clone(), padded[1]
    encoder.frontend.floor_db = 50.0
    waveform[:, 1600:3200] = 0.0
    with torch.no_grad():
        together = encoder(waveform, lengths)
        for i, length in enumerate(lengths.tolist()):
            alone = encoder(waveform[i : i + 1, :length])
            assert differs_by(together.embedding[i], alone.embedding[0]) < 1e-4
            assert not alone.frame_mask.all() and alone.frame_mask[0, -1]
            own = together.frame_mask[i, : alone.frame_mask.shape[1]]
            assert torch.equal(own, alone.frame_mask[0])
            assert not together.frame_mask[i, alone.frame_mask.shape[1] :].any()


def test_every_parameter_learns(encoder: SpeakerEncoder, padded: tuple[Tensor, Tensor]) -> None:
    waveform, _ = padded
    encoder.train()(waveform[:, :8000]).embedding.square().sum().backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None, name
        assert bool(parameter.grad.isfinite().all()), name


def test_named_layers_come_with_mask_and_hop(padded: tuple[Tensor, Tensor]) -> None:
    encoder = SpeakerEncoder(Filterbank(80), ResNet34(channels=4), StatisticsPooling).eval()
    names = ("stage1", "stage4")
    with torch.no_grad():
        encoding = encoder(*padded, layers=names)
    assert tuple(encoding.layers) == names
    first, last = encoding.layers.values()
    assert (first.hop, last.hop, first.offset) == (160, 1280, 200)
    assert torch.equal(last.features, encoding.frames)
    for layer in (first, last):
        assert layer.features.shape[0] == 3 and layer.features.shape[2] == layer.mask.shape[1]
    with pytest.raises(KeyError):
        encoder(*padded, layers=("stage9",))
