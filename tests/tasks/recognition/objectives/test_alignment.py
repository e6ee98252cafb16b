"""Alignments as a loss: the label of every frame, the scale of CTC, people who are silent."""

import pytest
import torch

from joint.encoders.frames import Frames
from joint.losses.ctc import BLANK
from joint.text.spans import Spans
from joint.text.units import Targets
from tasks.recognition.objectives.alignment import aligned, alignment_losses
from tasks.recognition.objectives.serialization import FirstInFirstOut, InterleavedTokens
from tasks.recognition.objectives.serialized import serialized

IDS = torch.tensor([[3, 5, -1], [2, -1, -1]])
SPANS = Spans(
    torch.tensor([[100, 300, -1], [0, -1, -1]]), torch.tensor([[250, 400, -1], [150, -1, -1]])
)
COUNTS = torch.tensor([2, 1])


def frames_of(count: int, hop: int, offset: int = 0) -> Frames:
    return Frames(torch.zeros(2, count, 1), None, hop, offset)


def test_each_frame_has_the_unit_that_is_said_then() -> None:
    found = aligned(IDS, SPANS, frames_of(5, 100))
    # at 0, 100, … 400: an end is not within
    assert found.tolist() == [[BLANK, 3, 3, 5, BLANK], [2, 2, BLANK, BLANK, BLANK]]


def test_a_frame_s_place_is_its_centre() -> None:
    found = aligned(IDS, SPANS, frames_of(5, 100, offset=60))
    # at 60, 160, … 460
    assert found.tolist() == [[BLANK, 3, BLANK, 5, BLANK], [2, BLANK, BLANK, BLANK, BLANK]]


def scores_of(labels: torch.Tensor, right: float) -> torch.Tensor:
    """Log-probabilities `(B, F, 6)` that give the labels `right` and share the rest."""
    wrong = torch.full((*labels.shape, 6), (1.0 - right) / 5)
    return wrong.scatter(2, labels.unsqueeze(2), right).log()


def test_the_loss_is_of_each_frame_for_each_unit_and_the_end() -> None:
    scores = scores_of(aligned(IDS, SPANS, frames_of(5, 100)), 0.5)
    # what is behind a recording counts for nothing
    scores[1, 3:] = -50.0
    found = alignment_losses(scores, torch.tensor([5, 3]), IDS, COUNTS, SPANS, frames_of(5, 100))
    assert found.tolist() == pytest.approx([3 * 0.6931472, 2 * 0.6931472])


def test_a_unit_without_times_leaves_its_recording_out() -> None:
    spans = Spans(SPANS.starts.clone(), SPANS.ends.clone())
    spans.starts[0, 1] = spans.ends[0, 1] = -1
    scores = scores_of(aligned(IDS, SPANS, frames_of(5, 100)), 0.5)
    found = alignment_losses(scores, torch.tensor([5, 5]), IDS, COUNTS, spans, frames_of(5, 100))
    assert found[0] == 0.0 and found[1] > 0.0


def test_a_silent_person_is_blank_throughout() -> None:
    spans = Spans(SPANS.starts[None], SPANS.ends[None])
    place, silent = torch.tensor([[1, 0]]), torch.tensor([[False, True]])
    found = spans.of(place, silent)
    assert found.starts.tolist() == [[0, -1, -1], [-1, -1, -1]]
    ids = IDS[place[0]]
    assert aligned(ids, found, frames_of(3, 100)).tolist() == [[2, 2, BLANK], [BLANK] * 3]
    losses = alignment_losses(
        scores_of(torch.zeros(2, 3, dtype=torch.int64), 0.5),
        torch.tensor([3, 3]),
        ids,
        torch.tensor([1, 0]),
        found,
        frames_of(3, 100),
    )
    assert float(losses[1]) == pytest.approx(0.6931472)


def test_two_voices_token_by_token() -> None:
    # A says 7 from 0 to 200 and 8 from 400 to 600, B says 9 from 100 to 300 and 5 from 600 to 900
    ids = torch.tensor([[[7, 8], [9, 5]]])
    spans = Spans(torch.tensor([[[0, 400], [100, 600]]]), torch.tensor([[[200, 600], [300, 900]]]))
    counts, known = torch.tensor([[2, 2]]), torch.tensor([[True, True]])
    targets, starts = Targets(ids, counts, known, spans), torch.tensor([[0, 100]])
    found = serialized(targets, starts, InterleavedTokens(), 20, 50)
    assert found.ids.tolist() == [[7, 20, 9, 20, 8, 20, 5]] and found.known.tolist() == [True]
    assert found.spans is not None
    # B is written when A's unit has ended; each change has the first hop of what follows
    assert found.spans.starts.tolist() == [[0, 200, 200, 400, 400, 600, 600]]
    assert found.spans.ends.tolist() == [[200, 250, 300, 450, 600, 650, 900]]
    frames = aligned(found.ids, found.spans, frames_of(19, 50))[0].tolist()
    assert frames == [7] * 4 + [20, 9] + [0] * 2 + [20] + [8] * 3 + [20] + [5] * 5 + [0]
    # what is written first in, first out has no times
    plain = serialized(targets, starts, FirstInFirstOut(), 20, 50)
    assert plain.ids.tolist() == [[7, 8, 20, 9, 5]] and plain.spans is None
