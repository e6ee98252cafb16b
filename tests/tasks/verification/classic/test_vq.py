"""Codebooks: clusters are found, distortion falls, scores are distances."""

import pytest
import torch

from joint.errors import DataError
from tasks.verification.classic.vq import VqCodebooks, lbg, squared_distances


def test_a_codebook_finds_the_clusters() -> None:
    torch.manual_seed(0)
    centres = torch.tensor([[0.0, 0.0], [8.0, 0.0], [0.0, 8.0], [8.0, 8.0]])
    frames = centres.repeat(100, 1) + torch.randn(400, 2)
    found = lbg(frames, 4)
    assert torch.cdist(centres, found).amin(dim=1).max() < 0.4


def test_more_centroids_less_distortion() -> None:
    torch.manual_seed(1)
    frames = torch.randn(300, 4)
    distortions = [
        float(squared_distances(frames, lbg(frames, size)).amin(dim=1).mean())
        for size in (1, 2, 3, 8, 32, 300)
    ]
    assert distortions == sorted(distortions, reverse=True)
    assert distortions[0] == pytest.approx(float(frames.var(dim=0, correction=0).sum()), rel=1e-4)
    assert distortions[-1] < 0.2 * distortions[0]


def test_frames_that_are_all_the_same() -> None:
    assert torch.equal(lbg(torch.ones(5, 3), 4), torch.ones(4, 3))


def test_scores_are_differences_of_mean_distortions() -> None:
    torch.manual_seed(2)
    deviation = torch.tensor([1.0, 2.0, 0.5])
    system = VqCodebooks.fit(torch.randn(5000, 3) * deviation, size=4, background=6)
    torch.testing.assert_close(system.deviation, deviation, rtol=0.05, atol=0)
    models = torch.stack([system.enroll(torch.randn(20, 3) * deviation) for _ in range(2)])
    frames = torch.randn(9, 3)
    distortions = [
        torch.cdist(frames / system.deviation, book).amin(dim=1).square().mean() / 3
        for book in (system.background, *models)
    ]
    expected = distortions[0] - torch.stack(distortions[1:])
    torch.testing.assert_close(system.score(models, frames), expected)


def test_too_few_frames() -> None:
    with pytest.raises(DataError, match="3 frames for 4 centroids"):
        lbg(torch.randn(3, 2), 4)
    with pytest.raises(DataError, match="codebook: found the constant feature 0"):
        VqCodebooks.fit(torch.randn(30, 2) * torch.tensor([0.0, 1.0]), 2, 2)
