"""Fusion of voice and face, with one of them corrupted or missing."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from planted import FACE, NOISY, VOICE, all_trials, planted

from joint.errors import DataError
from joint.metrics.detection import eer
from tasks.audiovisual.fusion.embeddings import EmbeddingFusion
from tasks.audiovisual.fusion.networks import AttentionFusion, FusionNetwork, GatedFusion
from tasks.audiovisual.fusion.scores import ScoreFusion
from tasks.audiovisual.fusion.training import FusionTraining, draw, train_fusion
from tasks.audiovisual.items import Items, Modality, stacked

Score = Callable[[Items, np.ndarray, np.ndarray], np.ndarray]

CLEAN, NOISE = 0.8, 0.8 * NOISY
STRENGTHS = [(CLEAN, CLEAN), (NOISE, CLEAN), (CLEAN, NOISE)]
"""Noise of voice and of face on the second side."""


def trained(kind: type[FusionNetwork], seed: int = 0) -> FusionNetwork:
    torch.manual_seed(seed)
    network = kind(VOICE, FACE, 2)
    versions = [planted(1, *STRENGTHS[0]), planted(2, NOISE, NOISE)]
    choices = FusionTraining(steps=200, people=32, rate=3e-3)
    losses = train_fusion(network, versions, choices, seed)
    assert np.mean(losses[-50:]) < np.mean(losses[:50])
    return network.eval()


def trials_of(seed: int) -> tuple[Items, np.ndarray, np.ndarray, np.ndarray]:
    """Every pair of a clean item and one under each of `STRENGTHS`."""
    items = stacked([planted(seed + i, *s) for i, s in enumerate([STRENGTHS[0], *STRENGTHS])])
    count = len(items.person) // 4
    first, second, labels = all_trials(planted(seed))
    sides = [second + count * (1 + i) for i in range(3)]
    return items, np.tile(first, 3), np.concatenate(sides), np.tile(labels, 3)


@pytest.fixture(scope="module", params=["scores", AttentionFusion, GatedFusion])
def fusion(request: pytest.FixtureRequest) -> Score:
    if request.param == "scores":
        return ScoreFusion.fit(*trials_of(10))
    return EmbeddingFusion.fit(trained(request.param), *trials_of(10))


def missing(items: Items, voice: bool = False, face: bool = False) -> Items:
    """Without a modality, whose rows hold what no cosine may read."""
    everywhere = np.ones(len(items.person), dtype=bool)

    def less(modality: Modality, gone: bool) -> Modality:
        if not gone:
            return modality
        spoilt = np.full_like(modality.embeddings, np.nan)
        return Modality(spoilt, modality.quality, modality.present & ~everywhere)

    return Items(less(items.voice, voice), less(items.face, face), items.person)


def test_a_fused_score_with_a_missing_modality_equals_the_others(fusion: Score) -> None:
    items, other = planted(20), planted(21)
    first, second, labels = all_trials(items)
    alone = fusion(missing(items, face=True), first, second)
    # whatever stands where no face is
    everywhere = np.ones(len(items.person), dtype=bool)
    swapped = Items(items.voice, other.face.without(everywhere), items.person)
    assert np.array_equal(alone, fusion(swapped, first, second))
    both = fusion(items, first, second)
    assert eer(both, labels).percent < eer(alone, labels).percent
    if isinstance(fusion, ScoreFusion):
        assert np.array_equal(alone, fusion.voice(items.voice, first, second))
        face = fusion(missing(items, voice=True), first, second)
        assert np.array_equal(face, fusion.face(items.face, first, second))


def test_one_side_without_a_face_is_as_both_without(fusion: Score) -> None:
    items = planted(22)
    first, second, _ = all_trials(items)
    gone = np.isin(np.arange(len(items.person)), np.unique(second)[::2])
    some = Items(items.voice, items.face.without(gone), items.person)
    found = fusion(some, first, second)
    affected = gone[first] | gone[second]
    none = fusion(missing(items, face=True), first, second)
    np.testing.assert_allclose(found[affected], none[affected], atol=1e-6)
    np.testing.assert_allclose(found[~affected], fusion(items, first, second)[~affected], atol=1e-6)


def test_nothing_known_says_nothing(fusion: Score) -> None:
    items = planted(23)
    first, second, _ = all_trials(items)
    assert not fusion(missing(items, voice=True, face=True), first, second).any()


def test_never_much_worse_than_the_better_modality(fusion: Score) -> None:
    """Each modality corrupted on the second side of every trial."""
    items, first, second, labels = trials_of(30)
    single = ScoreFusion.fit(*trials_of(10))
    parts = np.split(np.arange(len(labels)), 3)
    for rows in parts:
        sides = first[rows], second[rows]
        errors = [
            eer(score, labels[rows]).percent
            for score in (
                fusion(items, *sides),
                single.voice(items.voice, *sides),
                single.face(items.face, *sides),
            )
        ]
        assert errors[0] <= 1.1 * min(errors[1:])


def test_quality_moves_the_weight() -> None:
    """A face says less where its quality is low: the same cosine, another ratio."""
    fused = ScoreFusion.fit(*trials_of(10))
    items = planted(24)
    first, second, labels = all_trials(items)
    low = Modality(items.face.embeddings, items.face.quality - (NOISE - CLEAN), items.face.present)
    high_ratio, low_ratio = (fused.face(face, first, second) for face in (items.face, low))
    assert high_ratio[labels].mean() > 1.5 * low_ratio[labels].mean() > 0


@pytest.mark.parametrize("kind", [AttentionFusion, GatedFusion])
def test_a_fresh_network_scores_one_modality_by_its_cosine(kind: type[FusionNetwork]) -> None:
    network = kind(VOICE, FACE, 2)
    items = planted(25)
    voice, face = (torch.from_numpy(m.embeddings) for m in (items.voice, items.face))
    quality = torch.from_numpy(items.quality).float()
    network.normalise_by(voice, face, quality)
    yes, no = torch.ones(len(voice), dtype=torch.bool), torch.zeros(len(voice), dtype=torch.bool)
    points = network(voice, torch.full_like(face, torch.nan), torch.nan * quality, yes, no)
    first, second, _ = all_trials(items)
    centred = items.voice.embeddings - items.voice.embeddings.mean(axis=0)
    cosines = replace(items.voice, embeddings=centred).cosines(first, second)
    np.testing.assert_allclose((points[first] * points[second]).sum(1).detach(), cosines, atol=1e-5)
    points.sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize("kind", [AttentionFusion, GatedFusion])
def test_a_trained_network_trusts_a_corrupted_voice_less(kind: type[FusionNetwork]) -> None:
    network = trained(kind, seed=3)
    shares = []
    for noise in (CLEAN, NOISE):
        items = planted(26, noise, CLEAN)
        there = torch.ones(len(items.person), dtype=torch.bool)
        read = (items.voice.embeddings, items.face.embeddings, items.quality)
        points = network(*(torch.from_numpy(r).float() for r in read), there, there).detach()
        # the projections begin with the voice's dimensions before the face's
        shares.append(float(points[:, :VOICE].square().sum(dim=1).mean()))
    assert shares[1] < shares[0] - 0.05


def test_batches_drop_and_corrupt() -> None:
    versions = [planted(1), planted(2, NOISE, NOISE)]
    rows = [np.flatnonzero(versions[0].person == name) for name in np.unique(versions[0].person)]
    choices = FusionTraining(people=40, dropped=0.2, corrupted=0.5)
    rng = np.random.default_rng(0)
    batches = [draw(versions, rows, choices, rng) for _ in range(50)]
    has = np.stack([torch.cat([b[3 + i] for b in batches]).numpy() for i in range(2)])
    assert has.any(axis=0).all()  # never both missing
    np.testing.assert_allclose(1 - has.mean(axis=1), 0.2, atol=0.04)
    clean = {row.tobytes() for row in versions[0].voice.embeddings}
    voices = torch.cat([b.voice for b in batches]).numpy()
    kept = np.mean([row.tobytes() in clean for row in voices])
    assert kept == pytest.approx(0.5, abs=0.05)
    assert (batches[0].person.view(-1, 2) == batches[0].person[::2, None]).all()


def test_training_needs_two_people_with_two_items() -> None:
    items = planted(1)
    alone = Items(items.voice, items.face, np.arange(len(items.person)).astype(str))
    with pytest.raises(DataError, match="0 people with two items"):
        train_fusion(AttentionFusion(VOICE, FACE, 2), [alone], FusionTraining(), 0)
