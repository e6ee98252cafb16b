"""Discriminators: shapes, the samples that they read, sizes."""

from itertools import pairwise

import pytest
import torch
import yaml
from support import COMMON
from torch import Tensor, nn

from joint.synthesis.adversarial.discriminators import (
    Discriminators,
    PeriodDiscriminator,
    SpectrogramDiscriminator,
)
from joint.training.building.objects import build


def count(module: nn.Module) -> int:
    """Parameters, the norms of weights not counted."""
    named = module.named_parameters()
    return sum(p.numel() for n, p in named if not n.endswith("weight.original0"))


@pytest.mark.parametrize("period, rows", [(2, 3_600), (3, 2_400), (7, 1_029)])
def test_periods_fold_a_waveform_to_rows(recordings: Tensor, period: int, rows: int) -> None:
    scores, features = PeriodDiscriminator(period, (4, 8, 16))(recordings)
    lengths = [-(-rows // 3), -(-rows // 9), -(-rows // 9)]  # strides 3, 3, 1
    assert [f.shape for f in features] == [
        (4, channels, length, period) for channels, length in zip((4, 8, 16), lengths, strict=True)
    ]
    assert scores.shape == (4, lengths[-1] * period)


def test_a_period_sees_its_own_samples_alone(recordings: Tensor) -> None:
    """A column of the folded waveform is every fifth sample."""
    discriminator, changed = PeriodDiscriminator(5, (4, 8)), recordings.clone()
    changed[:, 2::5] += 0.1
    (_, before), (_, after) = discriminator(recordings), discriminator(changed)
    moved = (before[-1] != after[-1]).any(dim=2).any(dim=1).any(dim=0)
    assert moved.tolist() == [False, False, True, False, False]


@pytest.mark.parametrize("window", [1024, 256])
def test_spectrograms_of_a_resolution(recordings: Tensor, window: int) -> None:
    scores, features = SpectrogramDiscriminator(window, 4)(recordings)
    frames, bins = 7_200 // (window // 4) + 1, window // 2 + 1
    widths = [bins, (bins + 1) // 2, (bins + 3) // 4, (bins + 7) // 8, (bins + 7) // 8]
    assert [f.shape for f in features] == [(4, 4, frames, width) for width in widths]
    assert scores.shape == (4, frames * widths[-1])


def test_a_spectrogram_s_judgement_depends_on_phases(recordings: Tensor) -> None:
    discriminator = SpectrogramDiscriminator(256, 4)
    assert not torch.allclose(discriminator(recordings)[0], discriminator(-recordings)[0])


def test_all_of_them_judge(recordings: Tensor) -> None:
    critic = Discriminators((2, 3), (4, 8), (512, 256), 4)
    judgements = critic(recordings)
    assert [len(features) for _, features in judgements] == [2, 2, 5, 5]
    assert all(scores.shape[0] == 4 and scores.ndim == 2 for scores, _ in judgements)
    alone = [critic(row[None]) for row in recordings]
    for number, (scores, _) in enumerate(judgements):
        single = torch.cat([found[number][0] for found in alone])
        torch.testing.assert_close(scores, single, atol=1e-5, rtol=1e-4)


def test_the_full_size_is_the_published_one() -> None:
    """HiFi-GAN's five discriminators of periods have 41.1 M parameters: (5, 1) kernels between the
    published channels, and one of (3, 1) to the score."""
    node = yaml.safe_load((COMMON / "discriminators" / "full_size.yaml").read_text())
    critic = build(node, "discriminators")
    channels = (1, 32, 128, 512, 1024, 1024)
    layers = sum(5 * a * b + b for a, b in pairwise(channels))
    assert [count(d) for d in critic.all[:5]] == [layers + 3 * 1024 + 1] * 5
    assert sum(map(count, critic.all[:5])) == pytest.approx(41.1e6, rel=0.001)
