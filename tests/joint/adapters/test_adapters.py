"""Adapters on five backbones: the identity at first, then a view of their own; the base stays."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pytest
import torch
from tiny_models import learn, randomise, tiny_encoder
from torch import Tensor, nn

from joint.adapters.bottleneck import Bottleneck
from joint.adapters.low_rank import Adapter, LowRank
from joint.encoders.backbones.campplus import CamPlusPlus
from joint.encoders.backbones.conformer import MfaConformer
from joint.encoders.backbones.dvector import LastFramePooling, LstmBackbone
from joint.encoders.backbones.ecapa import EcapaTdnn
from joint.encoders.backbones.phonetic import ImplicitPhoneticAttention, PhoneticNetwork
from joint.encoders.backbones.residual.resnet import ResNet18
from joint.encoders.backbones.tdnn import XvectorTdnn
from joint.encoders.encoder import SpeakerEncoder
from joint.encoders.frontends.filterbank import Filterbank
from joint.encoders.pooling.statistics import StatisticsPooling
from joint.errors import ConfigError

BINS = 40
BACKBONES: dict[str, tuple[Callable[..., nn.Module], str]] = {
    "x-vector": (partial(XvectorTdnn, channels=16, output_dim=24), "backbone.norms.*"),
    "ECAPA": (
        partial(EcapaTdnn, channels=32, aggregated=48, scale=4, bottleneck=16),
        "backbone.blocks.*",
    ),
    "ResNet18": (partial(ResNet18, channels=4), "backbone.stages.*.*"),
    "CAM++": (partial(CamPlusPlus, channels=16, growth=8), "backbone.blocks.*"),
    "MFA-Conformer": (
        partial(MfaConformer, width=16, blocks=2, heads=2, hidden=32),
        "backbone.blocks.*",
    ),
}


@dataclass
class Adapted:
    """An encoder in eval mode, an adapter of it, and recordings of 0.5 s, 0.4 s and 0.3 s."""

    encoder: SpeakerEncoder
    adapter: Adapter
    audio: Tensor
    lengths: Tensor

    def plain(self) -> Tensor:
        embedding: Tensor = self.encoder(self.audio, self.lengths).embedding
        return embedding

    def seen(self) -> Tensor:
        embedding: Tensor = self.adapter(self.encoder, self.audio, self.lengths).embedding
        return embedding

    def base(self) -> dict[str, Tensor]:
        return {name: value.clone() for name, value in self.encoder.state_dict().items()}


def made(backbone: str, kind: str) -> Adapted:
    torch.manual_seed(0)
    make, behind = BACKBONES[backbone]
    encoder = SpeakerEncoder(Filterbank(BINS), make(BINS), StatisticsPooling, 12).eval()
    randomise(encoder)
    adapter: Adapter = Bottleneck(encoder, [behind], 8)
    if kind == "low-rank":
        adapter = LowRank(encoder, rank=2)
    return Adapted(encoder, adapter, 0.1 * torch.randn(3, 8000), torch.tensor([8000, 6400, 4800]))


@pytest.fixture(params=["low-rank", "bottleneck"])
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(params=BACKBONES)
def backbone(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[n], second[n]) for n in first)


def test_it_learns_and_the_base_stays(backbone: str, kind: str) -> None:
    it = made(backbone, kind)
    before, plain = it.base(), it.plain().detach()
    torch.testing.assert_close(it.seen(), plain, atol=1e-6, rtol=1e-6)
    optimizer = torch.optim.AdamW(it.adapter.parameters(), lr=0.05)
    aim = torch.randn(plain.shape)
    losses = []
    for _ in range(2):
        optimizer.zero_grad()
        loss = (it.seen() - aim).square().mean()
        loss.backward()
        losses.append(float(loss.detach()))
        optimizer.step()
    for name, parameter in it.adapter.named_parameters():
        assert parameter.grad is not None, name
        assert 0 < float(parameter.grad.abs().sum()) < float("inf"), name
    assert losses[1] != losses[0] and not torch.allclose(it.seen(), plain, atol=1e-3)
    assert same(it.base(), before) and torch.equal(it.plain(), plain)
    assert all(p.grad is None and p.requires_grad for p in it.encoder.parameters())


def test_padding_changes_nothing(backbone: str, kind: str) -> None:
    it = made(backbone, kind)
    learn(it.adapter)
    with torch.no_grad():
        together = it.seen()
        assert not torch.allclose(together, it.plain(), atol=1e-3)
        for row, length in enumerate(it.lengths.tolist()):
            alone = it.adapter(it.encoder, it.audio[row : row + 1, :length]).embedding[0]
            assert float((together[row] - alone).abs().max() / alone.abs().max()) < 1e-4


def test_merged_and_unmerged(backbone: str) -> None:
    it = made(backbone, "low-rank")
    assert isinstance(it.adapter, LowRank)
    learn(it.adapter)
    before = it.base()
    with torch.no_grad():
        expected = it.seen()
        it.adapter.merge(it.encoder)
        assert float((it.plain() - expected).abs().max() / expected.abs().max()) < 1e-5
        with pytest.raises(ConfigError, match="merged weights"):
            it.seen()
    with pytest.raises(ConfigError, match="merged weights"):
        it.adapter.merge(it.encoder)
    it.adapter.unmerge(it.encoder)
    assert same(it.base(), before)
    with pytest.raises(ConfigError, match="not merged"):
        it.adapter.unmerge(it.encoder)


def test_what_is_added_to_a_weight() -> None:
    encoder = tiny_encoder()
    adapter = LowRank(encoder, rank=4, alpha=2.0, layers=["backbone.convs.1", "projection"])
    assert adapter.names == ["backbone.convs.1.weight", "projection.weight"]
    learn(adapter)
    conv = encoder.get_parameter("backbone.convs.1.weight")
    up, down = adapter.up["backbone-convs-1"], adapter.down["backbone-convs-1"]
    assert up.shape == (16, 4) and down.shape == (4, 16 * 3)
    change = torch.einsum("or,rik->oik", up, down.unflatten(1, (16, 3)))
    expected = (conv + 0.5 * change).detach()
    adapter.merge(encoder)
    torch.testing.assert_close(conv.detach(), expected)


def test_by_default_every_linear_and_convolutional_weight_of_the_backbone() -> None:
    encoder = made("MFA-Conformer", "low-rank").encoder
    wanted = {
        f"{name}.weight"
        for name, layer in encoder.named_modules()
        if type(layer).__name__ in ("Linear", "FrameConv", "Conv2d") and "backbone" in name
    }
    assert set(LowRank(encoder).names) == wanted and len(wanted) > 20
    assert LowRank(encoder, layers=["backbone.blocks.*.first.1"]).names == [
        f"backbone.blocks.{i}.first.1.weight" for i in range(2)
    ]


def test_a_product_has_no_higher_rank_than_its_weight() -> None:
    encoder = made("ResNet18", "low-rank").encoder
    adapter = LowRank(encoder, rank=8, layers=["backbone.conv"])
    assert adapter.up["backbone-conv"].shape == (4, 4)


def test_constants_of_an_encoder_are_not_adapted() -> None:
    phonetic = PhoneticNetwork(XvectorTdnn(BINS, 16, 24), "tdnn3", 16)
    inner = XvectorTdnn(BINS + 8, 16, 24)
    backbone = ImplicitPhoneticAttention(inner, phonetic, 8)
    encoder = SpeakerEncoder(Filterbank(BINS), backbone, StatisticsPooling, 12).eval()
    names = LowRank(encoder).names
    assert "backbone.bottleneck.project.weight" in names and len(names) == 6


@pytest.mark.parametrize("kind", ["low-rank", "bottleneck"])
def test_gradient_reaches_the_audio(kind: str) -> None:
    it = made("x-vector", kind)
    it.audio.requires_grad_()
    it.seen().sum().backward()
    assert it.audio.grad is not None and it.audio.grad.abs().sum() > 0


def test_a_bottleneck_s_layers_are_those_it_stands_behind() -> None:
    """Only what follows the layer changes."""
    it = made("x-vector", "bottleneck")
    late = Bottleneck(it.encoder, ["backbone.norms.3"], 8)
    learn(late)
    with torch.no_grad():
        plain = it.encoder(it.audio, it.lengths, None).layers
        seen = late(it.encoder, it.audio, it.lengths, None).layers
    changed = {n for n in plain if not torch.equal(plain[n].features, seen[n].features)}
    assert changed == {"tdnn4", "tdnn5"}
    assert not it.encoder.get_submodule("backbone.norms.3")._forward_hooks


class TestRefused:
    """One line says what is wrong and what is near."""

    def test_names(self) -> None:
        encoder = tiny_encoder()
        with pytest.raises(ConfigError, match=r"no 'backbone\.conv\.1'.*backbone\.convs\.1"):
            LowRank(encoder, layers=["backbone", "backbone.conv.1"])
        with pytest.raises(ConfigError, match=r"backbone\.norms\.\*' without weights.*convs"):
            LowRank(encoder, layers=["backbone.norms.*"])
        with pytest.raises(ConfigError, match=r"no 'backbone\.norm\.\*'.*backbone\.norms"):
            Bottleneck(encoder, ["backbone.norm.*"])
        with pytest.raises(ConfigError, match=r"'backbone'.*a list of names"):
            LowRank(encoder, layers="backbone")

    def test_a_backbone_without_such_weights(self) -> None:
        backbone = LstmBackbone(BINS)
        encoder = SpeakerEncoder(Filterbank(BINS), backbone, LastFramePooling, 12)
        with pytest.raises(ConfigError, match=r"'backbone' without weights.*projection"):
            LowRank(encoder)

    @pytest.mark.parametrize("layer", ["backbone", "backbone.activation"])
    def test_layers_without_frames_of_one_width(self, layer: str) -> None:
        with pytest.raises(ConfigError, match=rf"layers: found {layer}; .*once each"):
            Bottleneck(tiny_encoder(), [layer])

    @pytest.mark.parametrize("rank", [0, -1])
    def test_sizes(self, rank: int) -> None:
        encoder = tiny_encoder()
        with pytest.raises(ConfigError, match=f"rank: found {rank}; expected 1 or more"):
            LowRank(encoder, rank)
        with pytest.raises(ConfigError, match=f"width: found {rank}; expected 1 or more"):
            Bottleneck(encoder, ["backbone.norms.*"], rank)
        with pytest.raises(ConfigError, match=f"alpha: found {rank}; expected more than 0"):
            LowRank(encoder, alpha=rank)

    def test_merging_what_weights_cannot_hold(self) -> None:
        encoder = tiny_encoder()
        with pytest.raises(ConfigError, match=r"found Bottleneck; expected .*LowRank"):
            Bottleneck(encoder, ["backbone.norms.*"]).merge(encoder)
