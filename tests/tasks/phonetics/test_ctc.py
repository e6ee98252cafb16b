"""The CTC head, its error rate, and its alignment."""

import numpy as np
import pytest
import torch
from test_phonetic_heads import PHONES, all_layers, tones
from tiny_models import noise_batch, tiny_encoder

from joint.data.phones import PhoneIntervals
from joint.losses.ctc import collapsed
from joint.outputs import Layer
from joint.scene import SceneBatch
from joint.training.building.model import layer_dims
from tasks.phonetics.ctc import CtcPhones, averaged, frames_within
from tasks.phonetics.ctc_alignment import adjacent, boundaries, forced_spans, without_priors


def test_collapsed() -> None:
    assert collapsed(torch.tensor([0, 3, 3, 0, 3, 2, 2, 0, 0])) == [3, 3, 2]


def test_frames_within() -> None:
    layer = Layer(torch.zeros(3, 1, 10), torch.ones(3, 10, dtype=torch.bool), 160, 200)
    assert frames_within(layer, torch.tensor([0, 201, 100_000])).tolist() == [0, 1, 10]
    assert frames_within(layer, torch.tensor([200, 360, 361])).tolist() == [0, 1, 2]


def spelled(seed: int, scenes: int = 16) -> SceneBatch:
    """Recordings of tones, with the order in which they come."""
    batch = tones(scenes, seed)
    assert batch.enrollment_phones is not None and batch.enrollment_phone_ends is not None
    rows = []
    for phones, ends in zip(batch.enrollment_phones, batch.enrollment_phone_ends, strict=True):
        heard = ends[0] - torch.nn.functional.pad(ends[0], (1, 0))[:-1] > 0
        order = torch.unique_consecutive(phones[0][heard])
        rows.append(order[order > 0])
    longest = max(len(row) for row in rows)
    pronunciation = torch.full((scenes, 1, longest), -1)
    for i, row in enumerate(rows):
        pronunciation[i, 0, : len(row)] = row
    return noise_batch(
        scenes,
        enrolled=1,
        enrollment=batch.enrollment,
        enrollment_lengths=batch.enrollment_lengths,
        pronunciation=pronunciation,
        pronunciation_samples=torch.full((scenes, 1), 6400),
    )


def test_learns_the_order_without_times() -> None:
    torch.manual_seed(0)
    encoder = tiny_encoder().eval().requires_grad_(False)
    task = CtcPhones(layer_dims(encoder), PHONES, layer="tdnn1", hidden=24, stride=3)
    encode = all_layers(encoder)
    optimizer = torch.optim.Adam(task.parameters(), lr=1e-2)
    for step in range(400):
        output = task.loss(encode, spelled(step), 0.0)
        optimizer.zero_grad()
        output.loss.backward()
        optimizer.step()
    with torch.no_grad():
        figures = task.eval().validate(encode, [spelled(1000)])
    assert figures["phone_error_percent"] < 40  # 5 to 12, with three seeds


@pytest.mark.parametrize("stride", [1, 3, 4])
def test_averaged_frames_lie_where_their_frames_do(stride: int) -> None:
    centres = 200 + 160.0 * torch.arange(13)
    layer = averaged(Layer(centres.expand(2, 1, 13), torch.ones(2, 13).bool(), 160, 200), stride)
    count = 13 // stride
    expected = layer.offset + layer.hop * torch.arange(float(count))
    torch.testing.assert_close(layer.features, expected.expand(2, 1, count))
    assert layer.mask.shape == (2, count)


def test_an_average_with_padding_does_not_count() -> None:
    mask = torch.arange(12) < torch.tensor([[12], [8]])
    layer = averaged(Layer(torch.zeros(2, 1, 12), mask, 160, 200), 3)
    assert layer.mask.sum(dim=1).tolist() == [4, 2]


def test_utterances_that_are_cut_do_not_count() -> None:
    encoder = tiny_encoder().eval()
    task = CtcPhones(layer_dims(encoder), PHONES, layer="tdnn1").eval()
    batch = spelled(0, 4)
    assert batch.pronunciation is not None and batch.pronunciation_samples is not None
    batch.pronunciation[1:] = -1
    batch.pronunciation_samples[1:] = 0
    output = task.loss(all_layers(encoder), batch, 0.0)
    assert output.count == 1 and float(output.loss.detach()) > 0
    batch.pronunciation[:] = -1
    assert task.loss(all_layers(encoder), batch, 0.0).count == 0


def test_alignment_finds_planted_peaks() -> None:
    scores = torch.full((30, 4), -8.0)
    scores[:, 0] = 0.0
    for frame, phone in ((4, 2), (5, 2), (11, 3), (20, 3), (25, 1)):
        scores[frame] = -8.0
        scores[frame, phone] = 0.0
    spans = forced_spans(scores.log_softmax(dim=-1), [2, 3, 3, 1])
    assert spans.tolist() == [[4, 6], [11, 12], [20, 21], [25, 26]]
    assert boundaries(spans, 160, 200).tolist() == [200 + 160 * m for m in (8.0, 15.5, 22.5)]
    assert forced_spans(scores, []).shape == (0, 2)
    with pytest.raises(ValueError, match="too"):
        forced_spans(scores[:3].log_softmax(dim=-1), [2, 3, 3, 1])


def test_priors_make_blank_rarer() -> None:
    scores = torch.tensor([[0.6, 0.4], [0.9, 0.1]]).log()
    flat = without_priors(scores, torch.tensor([0.8, 0.2]).log(), 1.0)
    assert flat[0].argmax() == 1 and flat[1].argmax() == 0
    torch.testing.assert_close(flat.exp().sum(dim=-1), torch.ones(2))
    torch.testing.assert_close(without_priors(scores, scores[0], 0.0), scores)


def test_neighbours_that_touch() -> None:
    phones = np.array([0, 4, 5, 0, 6, 0], dtype=np.int16)
    ends, touch = adjacent(PhoneIntervals(phones, np.array([10, 20, 30, 40, 50, 60])))
    assert ends.tolist() == [20, 30] and touch.tolist() == [True, False]
