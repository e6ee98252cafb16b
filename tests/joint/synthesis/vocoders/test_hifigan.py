"""HiFi-GAN: the published size, lengths, where its samples lie, what it refuses."""

import sys
from pathlib import Path

import pytest
import torch
import yaml
from support import COMMON

from joint.errors import ConfigError
from joint.synthesis.mel import HOP, MELS
from joint.synthesis.vocoders.hifigan import HifiGan
from joint.training.building.objects import build

PUBLISHED = 13_926_017
"""Parameters of V1 with its scales 8, 8, 2, 2, those of the weights' norms not counted."""


@pytest.fixture(scope="module")
def small() -> HifiGan:
    pytest.importorskip("espnet2", reason="pip install --no-deps espnet==202511")
    torch.manual_seed(0)
    return HifiGan(16, kernels=(3,), dilations=(1,)).eval()


def upsampling(scales: tuple[int, ...]) -> int:
    """Weights of the transposed convolutions, whose kernels are of twice the scale."""
    return sum(2 * s * (512 >> i) * (512 >> (i + 1)) for i, s in enumerate(scales))


def test_the_block_has_the_published_size(small: HifiGan) -> None:
    node = yaml.safe_load((COMMON / Path("vocoders/hifigan_v1.yaml")).read_text(encoding="utf-8"))
    vocoder = build(node, "vocoder")
    named = vocoder.named_parameters()
    counted = sum(p.numel() for name, p in named if not name.endswith("weight.original0"))
    assert counted == PUBLISHED - upsampling((8, 8, 2, 2)) + upsampling((5, 5, 4, 2))


@pytest.mark.parametrize("frames", [2, 3, 31])
def test_a_frame_less_than_the_mel_has(small: HifiGan, frames: int) -> None:
    found = small(torch.zeros(2, MELS, frames))
    assert found.shape == (2, (frames - 1) * HOP) and found.dtype == torch.float32


def test_batch_equals_single(small: HifiGan) -> None:
    mels = torch.randn(3, MELS, 20)
    alone = torch.cat([small(mel[None]) for mel in mels])
    torch.testing.assert_close(small(mels), alone, atol=1e-6, rtol=1e-4)


def test_a_frame_acts_on_both_sides_of_its_centre(small: HifiGan) -> None:
    mel = torch.randn(1, MELS, 61)
    changed = mel.clone()
    changed[:, :, 30] += 1.0
    touched = (small(changed) != small(mel))[0].nonzero()
    assert abs(int(touched.min() + touched.max()) / 2 - 30 * HOP) < HOP / 4


def test_weights_start_as_pytorch_s(small: HifiGan) -> None:
    """Uniform within ±1/√(inputs); 0.01, which the published code writes, has no effect there."""
    weight = small.generator.input_conv.weight
    assert float(weight.detach().abs().max()) == pytest.approx((7 * MELS) ** -0.5, rel=0.01)


def test_scales_of_another_hop(small: HifiGan) -> None:
    with pytest.raises(ConfigError, match=r"scales: found 8 · 8 · 2 · 2 = 256; expected .* 200"):
        HifiGan(scales=(8, 8, 2, 2))


def test_without_espnet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "espnet2.gan_tts.hifigan.hifigan", None)
    with pytest.raises(ConfigError, match=r"HiFi-GAN: found no package espnet.*\[espnet\]"):
        HifiGan()
