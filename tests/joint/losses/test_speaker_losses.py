"""Every speaker loss: its published formula, finite gradients, and that it can be learnt from."""

import math
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from speechbrain.nnet.losses import AngularMargin, LogSoftmaxWrapper
from torch import Tensor

from joint.errors import ConfigError, DataError
from joint.losses.base import SpeakerLoss
from joint.losses.center import CenterLoss
from joint.losses.margin import AamSoftmax, AmSoftmax, NormalizedSoftmax, SphereFace
from joint.losses.metric import AngularPrototypical, Ge2e, Prototypical, Triplet
from joint.losses.softmax import Softmax
from joint.losses.sphereface2 import SphereFace2

WIDTH, SPEAKERS, EACH = 16, 7, 4
CLASSES = {
    "softmax": Softmax,
    "normalised": NormalizedSoftmax,
    "cosface": AmSoftmax,
    "arcface": AamSoftmax,
    "sphereface": SphereFace,
    "sphereface2": SphereFace2,
    "sub-centres": partial(AamSoftmax, subcenters=3),
    "inter-top-k": partial(AamSoftmax, negative_margin=0.1, nearest=3),
    "dual": partial(AamSoftmax, negative_margin=0.1),
    "centre": partial(CenterLoss, criterion=AamSoftmax),
}
PAIRS = {
    "prototypical": Prototypical,
    "angular": AngularPrototypical,
    "ge2e": Ge2e,
    "triplet": Triplet,
}
ALL = CLASSES | PAIRS


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    """`SPEAKERS` people, `EACH` recordings of each, shuffled."""
    torch.manual_seed(0)
    speaker = torch.arange(SPEAKERS).repeat(EACH)[torch.randperm(SPEAKERS * EACH)]
    return torch.randn(SPEAKERS, WIDTH)[speaker] + torch.randn(len(speaker), WIDTH), speaker


def made(name: str) -> SpeakerLoss:
    torch.manual_seed(1)
    loss: SpeakerLoss = ALL[name](embedding_dim=WIDTH, speaker_count=SPEAKERS)
    return loss


@pytest.mark.parametrize("name", ALL)
def test_learnt_from(name: str, batch: tuple[Tensor, Tensor]) -> None:
    """Embeddings that move along the gradient become those of their speakers."""
    embedding, speaker = batch
    criterion, embedding = made(name), embedding.clone().requires_grad_()
    before = criterion(embedding, speaker)
    optimizer = torch.optim.Adam([embedding, *criterion.parameters()], lr=0.05)
    for _ in range(100):
        optimizer.zero_grad()
        loss = criterion(embedding, speaker)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.5 * before.item() and criterion.accuracy(embedding, speaker) == 1.0


@pytest.mark.parametrize("name", ALL)
def test_finite_where_angles_end(name: str) -> None:
    """Recordings that are the same, and opposite to those of others."""
    criterion = made(name)
    direction = getattr(criterion, "weight", torch.randn(SPEAKERS, WIDTH))
    direction = (
        direction.detach()[:SPEAKERS] if isinstance(direction, Tensor) else torch.eye(16)[:7]
    )
    speaker = torch.arange(SPEAKERS).repeat(2)
    for sign in (1.0, -1.0):
        embedding = (sign * direction[speaker]).requires_grad_()
        criterion(embedding, speaker).backward()
        assert embedding.grad is not None and embedding.grad.isfinite().all()
    assert all(p.grad is None or p.grad.isfinite().all() for p in criterion.parameters())


@pytest.mark.parametrize("name", ALL)
def test_float32_under_autocast(name: str, batch: tuple[Tensor, Tensor]) -> None:
    embedding, speaker = batch
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(made(name)(embedding, speaker), made(name)(embedding, speaker))
        found = made(name)(embedding, speaker)
    torch.testing.assert_close(found, made(name)(embedding, speaker), atol=1e-6, rtol=1e-6)


def test_cosface_equals_speechbrain(batch: tuple[Tensor, Tensor]) -> None:
    embedding, speaker = batch
    ours = AmSoftmax(WIDTH, SPEAKERS, margin=0.3, scale=30.0)
    theirs = LogSoftmaxWrapper(AngularMargin(0.3, 30.0))
    expected = theirs(ours.cosines(embedding).unsqueeze(1), speaker.unsqueeze(1))
    torch.testing.assert_close(ours(embedding, speaker), expected, atol=1e-5, rtol=1e-5)


def test_sphereface_falls_all_the_way() -> None:
    ours = SphereFace(WIDTH, SPEAKERS, margin=3.0)
    cosine = torch.linspace(0.9999, -0.9999, 400)[:, None]
    value = ours.shifted(cosine, 3.0)
    assert (value.diff(dim=0) < 0).all()
    first = cosine > math.cos(math.pi / 4)  # cos 4θ as a polynomial, in the first piece
    expected = 8 * cosine**4 - 8 * cosine**2 + 1
    torch.testing.assert_close(value[first], expected[first], atol=1e-4, rtol=0)
    torch.testing.assert_close(ours.shifted(cosine, 0.0), cosine, atol=1e-5, rtol=0)


def test_the_nearest_others_come_nearer(batch: tuple[Tensor, Tensor]) -> None:
    embedding, speaker = batch
    ours = AamSoftmax(WIDTH, SPEAKERS, margin=0.2, negative_margin=0.06, nearest=2)
    angle = torch.acos(ours.cosines(embedding)).detach()
    for row, own in enumerate(speaker):
        others = sorted((float(angle[row, c]), c) for c in range(SPEAKERS) if c != own)
        for _, other in others[:2]:
            angle[row, other] -= 0.06
        angle[row, own] += 0.2
    expected = F.cross_entropy(32.0 * angle.cos(), speaker)
    torch.testing.assert_close(ours(embedding, speaker), expected, atol=1e-4, rtol=1e-4)


def test_sphereface2_asks_every_class(batch: tuple[Tensor, Tensor]) -> None:
    embedding, speaker = batch
    ours = SphereFace2(WIDTH, SPEAKERS, margin=0.2, scale=30.0)
    torch.nn.init.constant_(ours.bias, -3.0)
    total = 0.0
    for cosines, own in zip(ours.cosines(embedding).tolist(), speaker, strict=True):
        for c, cosine in enumerate(cosines):
            g = 2 * ((cosine + 1) / 2) ** 3 - 1
            if c == own:
                total += 0.7 / 30 * math.log1p(math.exp(-30 * (g - 0.2) + 3))
            else:
                total += 0.3 / 30 * math.log1p(math.exp(30 * (g + 0.2) - 3))
    assert ours(embedding, speaker).item() == pytest.approx(total / len(speaker), rel=1e-4)


def test_ge2e_leaves_each_recording_out_of_its_centroid(batch: tuple[Tensor, Tensor]) -> None:
    embedding, speaker = batch
    unit, losses = F.normalize(embedding), []
    for i in range(len(speaker)):
        logits = []
        for c in range(SPEAKERS):
            members = [j for j in range(len(speaker)) if speaker[j] == c and j != i]
            logits.append(10.0 * F.cosine_similarity(unit[i], unit[members].mean(0), dim=0) - 5.0)
        losses.append(F.cross_entropy(torch.stack(logits)[None], speaker[i : i + 1]))
    found = Ge2e(WIDTH, SPEAKERS)(embedding, speaker)
    torch.testing.assert_close(found, torch.stack(losses).mean(), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", [Prototypical, AngularPrototypical])
def test_the_last_recording_asks(kind: type, batch: tuple[Tensor, Tensor]) -> None:
    embedding, speaker = batch
    of = [embedding[speaker == c] for c in range(SPEAKERS)]
    losses = []
    for c in range(SPEAKERS):
        prototypes = torch.stack([group[:-1].mean(0) for group in of])
        if kind is Prototypical:
            logits = -(of[c][-1] - prototypes).square().sum(1)
        else:
            logits = 10.0 * F.cosine_similarity(of[c][-1][None], prototypes) - 5.0
        losses.append(F.cross_entropy(logits[None], torch.tensor([c])))
    found = kind(WIDTH, SPEAKERS)(embedding, speaker)
    torch.testing.assert_close(found, torch.stack(losses).mean(), atol=1e-4, rtol=1e-4)


def test_triplets_are_the_hardest(batch: tuple[Tensor, Tensor]) -> None:
    embedding, speaker = batch
    distance = torch.cdist(F.normalize(embedding), F.normalize(embedding))
    losses = [
        max(0.0, float(row[speaker == own].max() - row[speaker != own].min()) + 0.3)
        for row, own in zip(distance, speaker, strict=True)
    ]
    found = float(Triplet(WIDTH, SPEAKERS)(embedding, speaker))
    assert found == pytest.approx(sum(losses) / len(losses), rel=1e-3)


def test_of_a_speaker_with_more_the_first_count(batch: tuple[Tensor, Tensor]) -> None:
    embedding, speaker = batch
    more = (
        torch.cat([embedding, torch.randn(3, WIDTH)]),
        torch.cat([speaker, speaker[:1].expand(3)]),
    )
    assert torch.equal(Ge2e(WIDTH, SPEAKERS)(*more), Ge2e(WIDTH, SPEAKERS)(embedding, speaker))


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("speaker", [[0, 0, 0, 0], [0, 1, 2, 3], [0, 0, 0, 1]])
def test_a_batch_that_cannot_be_compared(name: str, speaker: list[int]) -> None:
    with pytest.raises(DataError, match="two"):
        made(name)(torch.randn(4, WIDTH), torch.tensor(speaker))


@pytest.mark.parametrize(
    "key, build",
    [
        ("subcenters", lambda: AamSoftmax(WIDTH, SPEAKERS, subcenters=0)),
        ("nearest", lambda: AamSoftmax(WIDTH, SPEAKERS, nearest=SPEAKERS)),
        ("share", lambda: SphereFace2(WIDTH, SPEAKERS, share=1.0)),
    ],
)
def test_settings_that_make_no_sense(key: str, build: object) -> None:
    with pytest.raises(ConfigError, match=key):
        build()  # type: ignore[operator]
