"""SimCLR and MoCo: their losses by hand, the momentum encoder, the queue on one and two ranks."""

import math
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F
from processes import on_two
from tiny_models import encode_with, noise_batch, tiny_encoder
from torch import Tensor

from joint.encoders.encoder import SpeakerEncoder
from joint.errors import ConfigError
from joint.scene import SceneBatch
from tasks.selfsupervised.moco import MoCo
from tasks.selfsupervised.momentum import MomentumEncoder
from tasks.selfsupervised.simclr import SimClr, contrast


def moco(encoder: SpeakerEncoder, queue_size: int = 8, **other: float) -> MoCo:
    return MoCo(12, partial(deepcopy, encoder), queue_size, **other)


def utterances(count: int, seed: int = 0) -> SceneBatch:
    """Two segments of each of so many utterances, the first of which is utterance 10 · `seed`."""
    numbers = 10 * seed + torch.arange(count)[:, None].expand(-1, 2)
    return replace(noise_batch(count, seed=seed, enrolled=2), utterance=numbers)


def test_simclr_s_loss_by_hand() -> None:
    """Two utterances with embeddings on the axes: cosines are 1, 0 and -1."""
    first, second = torch.tensor([[2.0, 0.0], [0.0, 3.0]]), torch.tensor([[1.0, 0.0], [0.0, -1.0]])
    output = contrast(first, second, 0.5)
    # rows 1 and 3: partner at 1, the others at 0; rows 2 and 4: partner at -1, the others at 0
    good = -math.log(math.exp(2) / (math.exp(2) + 2))
    bad = -math.log(math.exp(-2) / (math.exp(-2) + 2))
    assert float(output.loss) == pytest.approx((good + bad) / 2, rel=1e-6)
    assert output.count == 4 and float(output.metrics["accuracy"]) == 0.5


def test_simclr_pairs_the_segments_of_an_utterance() -> None:
    encoder = tiny_encoder().eval()
    batch = noise_batch(4, enrolled=2)
    assert batch.enrollment is not None
    twice = batch.enrollment[:, :1].repeat(1, 2, 1)
    same = SceneBatch(
        batch.scene_ids, enrollment=twice, enrollment_lengths=batch.enrollment_lengths
    )
    output = SimClr(0.01).loss(encode_with(encoder), same, 0.0)
    assert float(output.metrics["accuracy"]) == 1.0
    crossed = torch.stack([twice[:, 0], twice[:, 1].roll(1, dims=0)], dim=1)
    other = replace(same, enrollment=crossed)
    wrong = SimClr(0.01).loss(encode_with(encoder), other, 0.0)
    assert float(wrong.metrics["accuracy"]) == 0.0 and wrong.loss > output.loss


def test_scenes_of_one_segment_are_refused() -> None:
    encoder = tiny_encoder()
    for task in (SimClr(), moco(encoder)):
        with pytest.raises(ConfigError, match=r"scenes\.segments: found 1; expected 2 or more"):
            task.loss(encode_with(encoder), noise_batch(enrolled=1), 0.0)


def test_momentum_follows_by_the_formula() -> None:
    encoder = tiny_encoder()
    copy = MomentumEncoder(encoder)
    before = {n: p.clone() for n, p in copy.encoder.named_parameters()}
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.add_(torch.randn_like(parameter))
    copy.follow(encoder, None, 0.9)
    for name, parameter in encoder.named_parameters():
        expected = 0.9 * before[name] + 0.1 * parameter.detach()
        torch.testing.assert_close(copy.encoder.get_parameter(name), expected)
    assert not any(p.requires_grad for p in copy.parameters())
    copy.follow(encoder, None, 0.0)
    for name, value in encoder.state_dict().items():
        assert torch.equal(copy.encoder.state_dict()[name], value)


def test_the_first_step_begins_with_the_encoder_as_it_is() -> None:
    """Also where it has been initialised after the task was built."""
    encoder = tiny_encoder()
    task = moco(encoder, momentum=0.5)
    with torch.no_grad():
        encoder.projection.bias.fill_(7.0)
    task.before_step(encoder, 0.0)
    assert torch.equal(task.momentum_encoder.encoder.projection.bias, encoder.projection.bias)
    with torch.no_grad():
        encoder.projection.bias.fill_(9.0)
    task.before_step(encoder, 0.01)
    assert torch.equal(task.momentum_encoder.encoder.projection.bias, torch.full((12,), 8.0))


def rows(*numbers: int) -> Tensor:
    return torch.stack([torch.full((12,), float(number)) for number in numbers])


def test_the_queue_after_it_has_wrapped_around() -> None:
    task = moco(tiny_encoder(), 5)
    task.enqueue(rows(1, 2, 3), torch.tensor([1, 2, 3]))
    assert task.known()[0][:, 0].tolist() == task.known()[1].tolist() == [1, 2, 3]
    task.enqueue(rows(4, 5, 6), torch.tensor([4, 5, 6]))
    task.enqueue(rows(7), torch.tensor([7]))
    assert task.known()[0][:, 0].tolist() == task.known()[1].tolist() == [6, 7, 3, 4, 5]
    with pytest.raises(ConfigError, match="queue_size: found 5; expected at least the 6"):
        task.enqueue(rows(*range(6)), torch.arange(6))


def test_moco_s_loss() -> None:
    """The other segment against those of other utterances, in the batch and in what the queue held
    before, which then holds the new keys."""
    encoder = tiny_encoder().eval()
    task = moco(encoder, 8, temperature=0.2).eval()
    queue = F.normalize(torch.randn(3, 12))
    batch = utterances(4)
    task.enqueue(queue, torch.tensor([7, 2, 8]))
    assert batch.enrollment is not None and batch.enrollment_lengths is not None
    output = task.loss(encode_with(encoder), batch, 0.0)
    with torch.no_grad():
        both = F.normalize(
            encode_with(encoder)(batch.enrollment, batch.enrollment_lengths, "").embedding
        )
    query, keys = both.unflatten(0, (4, 2)).unbind(1)
    scores = torch.cat([query @ keys.T, query @ queue.T], dim=1) / 0.2
    scores[2, 4 + 1] = -torch.inf  # of the same utterance
    torch.testing.assert_close(output.loss, -scores.log_softmax(dim=1).diagonal().mean())
    torch.testing.assert_close(task.known()[0], torch.cat([queue, keys]))
    assert task.known()[1].tolist() == [7, 2, 8, 0, 1, 2, 3]
    output.loss.backward()
    assert all(p.grad is None for p in task.momentum_encoder.parameters())
    assert encoder.projection.weight.grad is not None


def _rank(rank: int, folder: str) -> None:
    dist.init_process_group("gloo")
    encoder = tiny_encoder().eval()
    task = moco(encoder, 6).eval()
    for step in range(2):
        task.loss(encode_with(encoder), utterances(2, 10 * step + rank), 0.0)
    torch.save(task.state_dict(), f"{folder}/{rank}.pt")
    dist.destroy_process_group()


def test_the_queue_under_two_ranks(tmp_path: Path) -> None:
    """Both hold the keys of both, the first rank's before the second's."""
    on_two(_rank, str(tmp_path))
    found = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2)]
    assert torch.equal(found[0]["queue"], found[1]["queue"])
    alone = moco(tiny_encoder(), 6).eval()
    for step in range(2):
        for rank in range(2):
            batch = utterances(2, 10 * step + rank)
            alone.loss(encode_with(tiny_encoder().eval()), batch, 0.0)
    assert int(found[0]["seen"]) == int(alone.seen) == 8
    torch.testing.assert_close(found[0]["queue"], alone.queue)


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        ({"queue_size": 0}, "queue_size: found 0"),
        ({"momentum": 1.0}, "momentum: found 1"),
        ({"temperature": 0.0}, "temperature: found 0"),
    ],
)
def test_settings_refused(arguments: dict[str, float], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        moco(tiny_encoder(), **arguments)  # type: ignore[arg-type]
