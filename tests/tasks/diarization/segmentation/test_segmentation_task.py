"""What the segmentation task owes: the order of speakers, padding, learning, windows."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_models import randomise, tiny_encoder
from torch import Tensor

from joint.data.opening import open_corpus
from joint.data.scenes.planning import ScenePlanner
from joint.data.scenes.rendering import Renderer
from joint.data.storage.store import FileStore
from joint.encoders.view import EncoderView
from joint.errors import ConfigError
from joint.outputs import SpeakerEncoding
from joint.scene import SceneBatch
from joint.seeding import seeded
from joint.task import WINDOWS, Encode
from joint.training.building.model import layer_dims
from tasks.diarization.segmentation.network import SegmentationNetwork, principal, turned_round
from tasks.diarization.segmentation.task import SegmentationTask, cut
from tasks.diarization.segmentation.windows import LocalActivity, starts_of

READS = ("tdnn1", "tdnn3")
SECOND = 16_000


@pytest.fixture(scope="module")
def encode() -> Encode:
    encoder = tiny_encoder().eval().requires_grad_(False)
    randomise(encoder)
    return EncoderView(encoder, "frozen", layers=READS)


def made(**settings: float) -> SegmentationTask:
    def network(**given: int) -> SegmentationNetwork:
        return SegmentationNetwork(**given, width=24, hidden=24)

    with seeded(3, "segmentation"):
        return SegmentationTask(layer_dims(tiny_encoder()), network, READS, **settings).eval()  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def batch(prepared: Path) -> SceneBatch:
    """Two conversations, each of three people."""
    corpus = open_corpus(prepared / "train")
    planner = ScenePlanner(
        speakers=3, enrollments=1, delay=(0.3, 1.2), turns=2, turn=1.0, speeds=(1.0,)
    )
    scenes = [planner.plan(corpus, 0, 0, index) for index in range(2)]
    return Renderer(corpus, FileStore(corpus), SegmentationTask.requires).batch(scenes)


def test_the_order_of_the_sources(encode: Encode, batch: SceneBatch) -> None:
    task = made(window=2.0)
    assert batch.activity is not None and batch.source_speakers is not None
    order = torch.tensor([4, 2, 0, 5, 1, 3])
    turned = replace(
        batch, activity=batch.activity[:, order], source_speakers=batch.source_speakers[:, order]
    )
    renamed = replace(batch, source_speakers=100 - batch.source_speakers)
    first = task.loss(encode, batch, 0.0)
    for other in (turned, renamed):
        torch.testing.assert_close(first.loss, task.loss(encode, other, 0.0).loss)
        assert task.validate(encode, [other]) == task.validate(encode, [batch])
    silent = replace(batch, activity=torch.zeros_like(batch.activity))
    nobody = task.loss(encode, silent, 0.0).loss.detach()
    assert abs(float(first.loss.detach() - nobody)) > 0.01


def test_padding_changes_nothing(encode: Encode, batch: SceneBatch) -> None:
    task = made(window=60.0)
    assert batch.mixture is not None and batch.mixture_lengths is not None
    noise = 0.1 * torch.randn(2, 9000, generator=torch.Generator().manual_seed(0))
    padded = replace(batch, mixture=torch.cat([batch.mixture, noise], dim=1))
    torch.testing.assert_close(
        task.loss(encode, batch, 0.0).loss, task.loss(encode, padded, 0.0).loss
    )
    lengths = batch.mixture_lengths
    together, _ = task.logits(encode, batch.mixture, lengths)
    for row, samples in enumerate(lengths.tolist()):
        alone, _ = task.logits(
            encode, batch.mixture[row : row + 1, :samples], lengths[row : row + 1]
        )
        count = samples // 640 - 2
        torch.testing.assert_close(together[row, :count], alone[0, :count], atol=1e-4, rtol=1e-4)


def test_windows_of_a_mixture() -> None:
    mixture = torch.arange(2 * 10 * SECOND).view(2, -1).float()
    windows, lengths, rows, starts = cut(mixture, torch.tensor([10, 7]) * SECOND, 4 * SECOND)
    found = zip(
        rows.tolist(), (starts // SECOND).tolist(), (lengths // SECOND).tolist(), strict=True
    )
    assert list(found) == [(0, 0, 4), (0, 4, 4), (0, 8, 2), (1, 0, 4), (1, 4, 3)]
    torch.testing.assert_close(windows[1], mixture[0, 4 * SECOND : 8 * SECOND])
    assert not windows[2, 2 * SECOND :].any() and windows.shape == (5, 4 * SECOND)
    short, lengths, _, _ = cut(mixture[:, :SECOND], torch.tensor([SECOND, 100]), 4 * SECOND)
    assert short.shape == (2, SECOND) and lengths.tolist() == [SECOND, 100]


def test_two_conversations_are_learnt(encode: Encode, batch: SceneBatch) -> None:
    task = made(window=4.0).train()
    optimizer = torch.optim.Adam(task.parameters(), lr=1e-2)
    losses = []
    for _ in range(70):
        optimizer.zero_grad()
        output = task.loss(encode, batch, 0.0)
        output.loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(task.parameters(), 1.0)
        optimizer.step()
        losses.append(float(output.loss.detach()))
    assert losses[-1] < 0.3 * losses[0]
    figures = task.eval().validate(encode, [batch])
    assert figures["der_percent"] < 20.0
    assert figures["overlap_precision"] > 0.8 and figures["overlap_recall"] > 0.8


def test_inference_is_that_of_its_windows(encode: Encode, batch: SceneBatch) -> None:
    task = made(window=2.0, step=0.48)
    assert batch.mixture is not None and batch.mixture_lengths is not None
    recording = batch.mixture[0, : int(batch.mixture_lengths[0])]
    found = task.infer(encode, recording)
    assert found.active.shape[0] == len(found.first) > 8 and found.hop == 640
    for place in (0, 3, len(found.first) - 1):
        start = found.first[place] * 640
        own = recording[None, start : start + 2 * SECOND]
        logits, _ = task.logits(encode, own, torch.tensor([own.shape[1]]))
        expected = task.powerset.decode(logits[0].argmax(dim=-1)).numpy()
        np.testing.assert_array_equal(found.active[place], expected)
    (only,) = task.infer(encode, recording[: SECOND // 2]).active
    assert only.shape[1] == 3 and len(only) <= 13


def test_pieces_that_windows_share_are_embedded_once(encode: Encode, batch: SceneBatch) -> None:
    task = made(window=4.0, step=2.0)
    assert batch.mixture is not None
    recording = batch.mixture.flatten().repeat(4)[: 20 * SECOND]
    embedded = []

    def counting(audio: Tensor, lengths: Tensor, role: str) -> SpeakerEncoding:
        embedded.extend(audio if role == WINDOWS else [])
        return encode(audio, lengths, role)

    task.infer(counting, recording)
    assert len(embedded) == 39  # of a second, every half


def test_where_windows_begin() -> None:
    assert starts_of(3 * SECOND, 8 * SECOND, 2 * SECOND, 640) == [0]
    assert starts_of(8 * SECOND, 8 * SECOND, 2 * SECOND, 640) == [0]
    starts = starts_of(13 * SECOND + 100, 8 * SECOND, 2 * SECOND, 640)
    assert starts[:-1] == [0, 2 * SECOND, 4 * SECOND]
    assert starts[-1] % 640 == 0 and 0 <= 13 * SECOND + 100 - 8 * SECOND - starts[-1] < 640


def test_means_over_windows() -> None:
    active = np.zeros((3, 4, 2), dtype=bool)
    active[0, 2:, 0] = active[1, :2, 1] = active[1, 1, 0] = True
    local = LocalActivity(active, [0, 2, 3], 640, 320)
    mean = local.summed(active.sum(axis=2))
    np.testing.assert_allclose(mean, [0, 0, 1, 1, 0, 0, 0])
    np.testing.assert_array_equal(local.talking(), [0, 0, 1, 1, 0, 0, 0])


def test_coordinates_of_two_speakers_are_two_points() -> None:
    """Whoever the two are; pieces outside are 0, and the first is never negative."""
    generator = torch.Generator().manual_seed(0)
    who = torch.tensor([0, 0, 1, 1, 0, 1])
    for _ in range(3):
        people = torch.nn.functional.normalize(torch.randn(2, 32, generator=generator), dim=1)
        units = people[who][None]
        inside = torch.ones(1, 6, dtype=torch.bool)
        found = principal(units, inside, 3)[0]
        assert float(found[0, 0]) > 0.1 > -0.1 > float(found[2, 0])
        torch.testing.assert_close(found[who == 0, 0], found[:1, 0].expand(3))
        torch.testing.assert_close(found[:, 1:], torch.zeros(6, 2), atol=1e-5, rtol=0)
        inside[0, 4:] = False
        shorter = principal(units, inside, 3)[0]
        torch.testing.assert_close(shorter[:4], principal(units[:, :4], inside[:, :4], 3)[0])
        assert not shorter[4:].abs().gt(1e-5).any()
    assert principal(units[:, :1], inside[:, :1], 3).shape == (1, 1, 3)


def test_the_backward_direction_begins_at_the_last_frame() -> None:
    x = torch.arange(10.0).view(2, 5, 1)
    found = turned_round(x, torch.tensor([5, 2]))[..., 0]
    assert found.tolist() == [[4, 3, 2, 1, 0], [6, 5, 7, 8, 9]]


@pytest.mark.parametrize(
    "settings, found",
    [
        ({"hop": 500}, "hop: found 500"),
        ({"window": 0.5}, "window, step: found 0.5 s every 2 s"),
        ({"window": 4.0, "step": 5.0}, "window, step: found 4 s every 5 s"),
    ],
)
def test_unfit_settings(settings: dict[str, float], found: str) -> None:
    with pytest.raises(ConfigError, match=found):
        made(**settings)
