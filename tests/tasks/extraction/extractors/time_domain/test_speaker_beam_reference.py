"""On the same weights TD-SpeakerBeam gives what espnet's gives, from features to mask."""

from functools import partial

import pytest
import torch
from tiny_models import encoding_of
from torch import Tensor, nn

from joint.conditioning.fusion import MultiplyFusion
from joint.layers.espnet import espnet_class
from tasks.extraction.extractors.time_domain.blocks import ConvBlock
from tasks.extraction.extractors.time_domain.speaker_beam import AdaptedSeparator, SpeakerBeam

MODULE = "espnet2.enh.extractor.td_speakerbeam_extractor"
pytest.importorskip(MODULE, reason="espnet is not installed", exc_type=ImportError)


def put(ours: nn.Module, weight: Tensor, bias: Tensor | None = None) -> None:
    """Weights without the axes of width 1 that convolutions have; espnet's have no bias."""
    assert isinstance(ours.weight, Tensor) and isinstance(ours.bias, Tensor)
    ours.weight.data.copy_(weight.reshape(ours.weight.shape))
    ours.bias.data.copy_(torch.zeros_like(ours.bias) if bias is None else bias.flatten())


def put_block(ours: ConvBlock, theirs: nn.Module) -> None:
    expand, first, norm, rest = theirs.net
    depthwise, second, other, residual = rest.net
    put(ours.expand, expand.weight)
    put(ours.depthwise.conv, depthwise.weight)
    for pair, act, gln in ((ours.first, first, norm), (ours.second, second, other)):
        put(pair[1], gln.gamma, gln.beta)
        pair[0].weight.data.copy_(act.weight)
    assert ours.skip is not None
    put(ours.skip, rest.skip_conv.weight)
    if ours.residual is not None:
        put(ours.residual, residual.weight)


@torch.no_grad()
def test_masked_features_equal_espnet() -> None:
    torch.manual_seed(0)
    sizes = {"bottleneck_dim": 6, "skip_dim": 6, "hidden_dim": 8, "layer": 3, "stack": 2}
    theirs = espnet_class(MODULE, "TDSpeakerBeamExtractor", "test")(
        12, **sizes, i_adapt_layer=2, adapt_enroll_dim=6, use_spk_emb=True, spk_emb_dim=10
    )
    for parameter in theirs.parameters():
        parameter.add_(0.1 * torch.randn_like(parameter))
    fusion = partial(MultiplyFusion, norm=False)
    ours = SpeakerBeam(10, 12, 16, 8, 6, 8, blocks=3, stacks=2, adapted=2, fusion=fusion)
    separator, net = ours.separator, theirs.tcn.network
    assert isinstance(separator, AdaptedSeparator)
    ours.bottleneck.norm = nn.LayerNorm(12)  # espnet's first norm is of each frame alone
    put(ours.bottleneck.norm, net[0].gamma, net[0].beta)
    put(ours.bottleneck.linear, net[1].weight)
    for block, other in zip(separator.blocks, (b for s in net[2] for b in s), strict=True):
        assert isinstance(block, ConvBlock)
        put_block(block, other)
    separator.after.weight.data.copy_(net[3].weight)
    put(ours.masks.linears[0], net[4].weight)
    # the first half of espnet's embedding adapts what goes on, the second the skip connection
    both = theirs.auxiliary_net
    halves = zip(both.weight.chunk(2), both.bias.chunk(2), strict=True)
    for adaptation, half in zip(reversed(separator.fusions), halves, strict=True):
        put(adaptation.gain, *half)

    features, speaker = torch.randn(2, 40, 12), torch.randn(2, 10)
    lengths = torch.full((2,), 40)
    expected, *_ = theirs(features, lengths, speaker, torch.ones(2))
    (mask,) = ours.masks(separator(ours.bottleneck([features]), encoding_of(speaker)))
    # norms add 1e-5 to a variance, espnet's 1e-7
    torch.testing.assert_close(features * mask, expected, atol=3e-4, rtol=1e-3)
