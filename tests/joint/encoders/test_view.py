"""What one task encodes changes nothing of what another one gets."""

import pytest
import torch
from tiny_models import noise_batch, tiny_encoder
from torch import Tensor, nn

from joint.conditioning.local_similarity import LocalSimilarity
from joint.encoders.frames import Frames
from joint.encoders.frontends.filterbank import SpecAugment
from joint.encoders.view import EncoderView, Switch
from joint.task import ENROLLMENT, MIXTURE, WINDOWS


def view(switch: Switch = "joint", seed: int | None = 7) -> EncoderView:
    """A view of an encoder in training mode whose SpecAugment draws for every recording."""
    return EncoderView(tiny_encoder(SpecAugment(1.0, 20, 12)).train(), switch, seed=seed)


def batch() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    made = noise_batch()
    assert made.enrollment is not None and made.enrollment_lengths is not None
    assert made.mixture is not None and made.mixture_lengths is not None
    return made.enrollment, made.enrollment_lengths, made.mixture, made.mixture_lengths


def test_random_streams_are_keyed_by_role_not_by_order() -> None:
    enrollment, lengths, mixture, mixed = batch()
    alone, after = view(), view()
    expected = alone(enrollment, lengths, ENROLLMENT).embedding
    after(mixture, mixed, MIXTURE)
    found = after(enrollment, lengths, ENROLLMENT).embedding
    assert torch.equal(found, expected)
    # and the roles draw apart from each other
    other = view()(enrollment, lengths, MIXTURE).embedding
    assert not torch.allclose(other, expected)


def test_the_global_generator_does_not_notice() -> None:
    enrollment, lengths, _, _ = batch()
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    view()(enrollment, lengths, ENROLLMENT)
    assert torch.equal(torch.rand(2), expected)


def test_one_run_for_one_recording_and_role() -> None:
    enrollment, lengths, _, _ = batch()
    encode, runs = view(), []
    encode.encoder.backbone.register_forward_hook(lambda *_: runs.append(None))
    first = encode(enrollment, lengths, ENROLLMENT)
    assert encode(enrollment, lengths, ENROLLMENT) is first and len(runs) == 1


@pytest.mark.parametrize("switch", ["joint", "frozen"])
def test_windows_move_no_statistics(switch: Switch) -> None:
    """Those of the mixture, through a layer that compares them with an enrolment."""
    enrollment, lengths, mixture, mixed = batch()
    encode = view(switch)
    enrolled = encode(enrollment, lengths, ENROLLMENT)
    before = {n: v.clone() for n, v in encode.encoder.state_dict().items()}
    layer = LocalSimilarity(8, window=1600, step=800)
    frames = Frames(torch.zeros(len(enrolled.embedding), 30, 8), None, 160, 200)
    found = layer(frames, encode, mixture, mixed, enrolled).features
    assert all(torch.equal(v, before[n]) for n, v in encode.encoder.state_dict().items())
    assert encode.encoder.training and found.abs().sum() > 0
    windows = next(encoded for (_, role, _), (_, encoded) in encode.memo.items() if role == WINDOWS)
    assert not windows.embedding.requires_grad


def test_every_part_gets_its_own_mode_back() -> None:
    enrollment, lengths, _, _ = batch()
    encode = view("frozen")
    encode.encoder.pooling.eval()
    encode.encoder.frontend.eval()
    encode(enrollment, lengths, ENROLLMENT)
    parts: dict[str, nn.Module] = dict(encode.encoder.named_children())
    assert {n for n, part in parts.items() if not part.training} == {"pooling", "frontend"}
