"""Gates, the count of what they leave, and their removal."""

from collections.abc import Iterable
from typing import Any

import pytest
import torch
from tiny_models import randomise
from torch import nn

from joint.encoders.backbones.ecapa import EcapaTdnn
from joint.encoders.backbones.gated_ecapa import GatedEcapaTdnn
from joint.encoders.encoder import SpeakerEncoder
from joint.encoders.frontends.filterbank import Filterbank
from joint.encoders.pooling.statistics import AttentiveStatisticsPooling, StatisticsPooling
from joint.encoders.pruning import expected_parameters, remaining, smaller, ungated_parameters
from joint.errors import ConfigError
from joint.layers.hard_concrete import HardConcrete

SIZES: dict[str, Any] = {"features": 24, "channels": 16, "aggregated": 20, "scale": 4}
SIZES |= {"bottleneck": 8}


def encoder_of(backbone: nn.Module, **pooling: bool) -> SpeakerEncoder:
    def pool(width: int) -> nn.Module:
        return AttentiveStatisticsPooling(width, 6, **pooling)  # type: ignore[arg-type]

    return SpeakerEncoder(Filterbank(24), backbone, pool, 12)


def shut(encoder: SpeakerEncoder, seed: int = 0) -> dict[str, torch.Tensor]:
    """Shut about half of all gates, and leave a few half open; what stays of each."""
    generator = torch.Generator().manual_seed(seed)
    open_: dict[str, torch.Tensor] = {}
    assert isinstance(encoder.backbone, GatedEcapaTdnn)
    for name, gate in encoder.backbone.gates.items():
        assert isinstance(gate, HardConcrete)
        with torch.no_grad():
            gate.log_alpha.copy_(5.0 * torch.randn(gate.log_alpha.shape, generator=generator))
            gate.log_alpha[0], gate.log_alpha[1] = 0.1, -9.0
            open_[name] = gate.stays().float()
    return open_


def parameters(modules: Iterable[nn.Module]) -> int:
    return sum(p.numel() for module in modules for p in module.parameters())


def test_gates_are_as_published() -> None:
    gate = HardConcrete(4)
    with torch.no_grad():
        gate.log_alpha.copy_(torch.tensor([-8.0, -0.5, 0.5, 8.0]))
    assert gate.eval()().tolist() == pytest.approx([0.0, 0.35305, 0.64695, 1.0], abs=1e-4)
    unsure = HardConcrete(8)  # each is open with a probability of 0.4: three stay, and the first
    with torch.no_grad():
        unsure.log_alpha.fill_(-2.0)
    assert unsure.eval()().tolist() == pytest.approx([0.04304] * 3 + [0.0] * 5, abs=1e-4)
    torch.manual_seed(0)
    drawn = torch.stack([gate.train()() for _ in range(4000)])
    opened = (drawn > 0).float().mean(dim=0)
    torch.testing.assert_close(opened, gate.open_probability(), atol=0.03, rtol=0)
    assert bool((HardConcrete(3).eval()() == 1.0).all()), "open in the beginning"
    for dropped in (0.01, 0.5, 0.9):
        opened = HardConcrete(3, dropped).open_probability()
        torch.testing.assert_close(opened, torch.full((3,), 1.0 - dropped))
    with pytest.raises(ConfigError, match="dropped"):
        HardConcrete(3, dropped=0.0)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
def test_as_many_parameters_stay_as_are_expected(share: float) -> None:
    """Also where many gates are undecided."""
    sizes = {**SIZES, "channels": 256, "aggregated": 256, "bottleneck": 64}
    gated = encoder_of(GatedEcapaTdnn(**sizes))
    assert isinstance(gated.backbone, GatedEcapaTdnn)
    count = ungated_parameters(gated)
    alphas = list(gated.backbone.gates.parameters())
    low, high = -20.0, 20.0
    with torch.no_grad():
        for place, alpha in enumerate(alphas):
            generator = torch.Generator().manual_seed(place)
            alpha.copy_(3.0 * torch.randn(alpha.shape, generator=generator))
        spread = [alpha.clone() for alpha in alphas]
        while high - low > 1e-3:
            middle = (low + high) / 2
            for alpha, own in zip(alphas, spread, strict=True):
                alpha.copy_(own + middle)
            fewer = float(expected_parameters(gated)) < share * count
            low, high = (middle, high) if fewer else (low, middle)
    sizes_left, _ = smaller(gated)
    small = encoder_of(EcapaTdnn(**{**sizes, **sizes_left}))
    assert parameters([small]) / count == pytest.approx(share, abs=0.015)


@pytest.mark.parametrize("last_norm", [False, True])
@pytest.mark.parametrize("pooling", [{}, {"global_context": False}, {"centred": True}])
def test_removal_changes_no_output(last_norm: bool, pooling: dict[str, bool]) -> None:
    torch.manual_seed(0)
    gated = encoder_of(GatedEcapaTdnn(**SIZES, last_norm=last_norm), **pooling)
    randomise(gated)
    open_ = shut(gated)
    gated.train()
    sizes, state = smaller(gated)
    assert gated.training and gated.backbone.training
    small = encoder_of(EcapaTdnn(**{**SIZES, **sizes}, last_norm=last_norm), **pooling)
    small.load_state_dict(state)
    for encoder in (gated.eval(), small.eval()):
        encoder.requires_grad_(False)
    waveform, lengths = 0.1 * torch.randn(3, 8000), torch.tensor([8000, 6000, 3000])
    before, after = (encoder(waveform, lengths, layers=None) for encoder in (gated, small))
    torch.testing.assert_close(after.embedding, before.embedding, atol=1e-5, rtol=1e-4)
    assert before.frames is not None and after.frames is not None
    kept = before.frames[:, open_["aggregated"] > 0]
    torch.testing.assert_close(after.frames, kept, atol=1e-5, rtol=1e-4)
    for name in ("input", "block1", "block2", "block3"):
        found, expected = (e.layers[name].features for e in (after, before))
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    shares: dict[str, Any] = {name: float(x.mean()) for name, x in open_.items()}
    assert parameters([small]) == pytest.approx(float(remaining(gated, shares)), abs=0.1)
    assert parameters([small]) < 0.85 * ungated_parameters(gated)


def test_an_axis_keeps_one_channel() -> None:
    gated = encoder_of(GatedEcapaTdnn(**SIZES))
    randomise(gated)
    assert isinstance(gated.backbone, GatedEcapaTdnn)
    with torch.no_grad():
        for parameter in gated.backbone.gates.parameters():
            parameter.fill_(-9.0)
    sizes, state = smaller(gated)
    assert sizes == {"hidden": [4, 4, 4], "bottleneck": [1, 1, 1], "aggregated": 1}
    small = encoder_of(EcapaTdnn(**{**SIZES, **sizes}))
    small.load_state_dict(state)
    waveform = 0.1 * torch.randn(2, 4000)
    with torch.no_grad():
        before, after = (part.eval()(waveform).embedding for part in (gated, small))
    torch.testing.assert_close(after, before, atol=1e-5, rtol=1e-4)


def test_open_gates_are_the_network_without_them() -> None:
    plain, gated = encoder_of(EcapaTdnn(**SIZES)), encoder_of(GatedEcapaTdnn(**SIZES))
    randomise(plain)
    missing = gated.load_state_dict(plain.state_dict(), strict=False)
    assert all("backbone.gates." in name for name in missing.missing_keys)
    assert not missing.unexpected_keys
    waveform = 0.1 * torch.randn(2, 4000)
    with torch.no_grad():
        assert torch.equal(plain.eval()(waveform).embedding, gated.eval()(waveform).embedding)
    assert ungated_parameters(gated) == parameters([plain])


def test_the_expected_size_has_a_gradient_for_every_gate() -> None:
    gated = encoder_of(GatedEcapaTdnn(**SIZES))
    count = expected_parameters(gated)
    assert 0.9 * ungated_parameters(gated) < float(count.detach()) < ungated_parameters(gated)
    count.backward()
    assert isinstance(gated.backbone, GatedEcapaTdnn)
    for parameter in gated.backbone.gates.parameters():
        assert parameter.grad is not None and bool((parameter.grad > 0).all())


def test_what_cannot_be_pruned() -> None:
    with pytest.raises(ConfigError, match=r"encoder\.backbone: found EcapaTdnn; expected one with"):
        smaller(encoder_of(EcapaTdnn(**SIZES)))
    other = SpeakerEncoder(Filterbank(24), GatedEcapaTdnn(**SIZES), StatisticsPooling, 12)
    with pytest.raises(ConfigError, match=r"encoder\.pooling: found StatisticsPooling"):
        smaller(other)
    with pytest.raises(ConfigError, match=r"hidden: found \[16, 15, 16\]; expected multiples of"):
        EcapaTdnn(**SIZES, hidden=[16, 15, 16])
    with pytest.raises(ConfigError, match="bottleneck: found 2 numbers; expected 3"):
        EcapaTdnn(**{**SIZES, "bottleneck": [8, 8]})
