"""Who is heard when: moments like the enrolled person stand out, whoever else is in the batch."""

import torch
from torch import Tensor

from joint.conditioning.local_similarity import LocalSimilarity
from joint.encoders.frames import Frames
from joint.outputs import SpeakerEncoding
from joint.task import ENROLLMENT

SECOND, HOP, OFFSET = 16_000, 640, 200


def encode(audio: Tensor, lengths: Tensor, role: str) -> SpeakerEncoding:
    """A recording's embedding is how much of it is above 0, and how much below."""
    waveform, own = audio.flatten(0, -2), lengths.flatten()
    inside = torch.arange(waveform.shape[1]) < own[:, None]
    above, below = ((inside & side).sum(dim=1) / own for side in (waveform > 0, waveform < 0))
    frames, mask = waveform[:, None, :0], torch.zeros(len(waveform), 0, dtype=torch.bool)
    return SpeakerEncoding(torch.stack([above, below], dim=1), frames, mask, waveform, own)


def layer() -> LocalSimilarity:
    """One whose two features are the cosine and how far it is above the mean."""
    made = LocalSimilarity(2)
    torch.nn.init.eye_(made.project.weight)
    return made


def enrolled() -> SpeakerEncoding:
    """A person above 0, and one below."""
    people = torch.ones(2, SECOND) * torch.tensor([[0.3], [-0.3]])
    return encode(people, torch.tensor([SECOND, SECOND]), ENROLLMENT)


def test_each_moment_is_as_like_as_its_second() -> None:
    # 3 s of the one, 3 s of the other
    mixture = torch.cat([torch.full((1, 3 * SECOND), 0.1), torch.full((1, 3 * SECOND), -0.1)], 1)
    frames = Frames(torch.zeros(2, 151, 2), None, HOP, OFFSET)
    found = layer()(frames, encode, mixture, torch.tensor([6 * SECOND]), enrolled()).features
    moment = (OFFSET + HOP * torch.arange(151)) / SECOND
    first, second = moment < 2.2, moment > 3.8
    for person, (near, far) in enumerate([(first, second), (second, first)]):
        assert (found[person, near, 0] > 0.999).all() and (found[person, far, 0] < 1e-3).all()
        assert (found[person, near, 1] > 0.4).all() and (found[person, far, 1] < -0.4).all()


def test_a_frame_s_place_in_time_is_its_own() -> None:
    """The same moments, counted from elsewhere: every second frame of twice the rate."""
    mixture, lengths = torch.randn(1, 6 * SECOND), torch.tensor([6 * SECOND])
    fine = Frames(torch.zeros(2, 300, 2), None, 320, 40)
    whole = layer()(fine, encode, mixture, lengths, enrolled()).features
    coarse = Frames(torch.zeros(2, 150, 2), None, 640, 360)
    odd = layer()(coarse, encode, mixture, lengths, enrolled()).features
    assert torch.equal(odd, whole[:, 1::2]) and not torch.equal(odd, whole[:, ::2])


def test_windows_end_with_their_recording() -> None:
    own = torch.tensor([int(2.7 * SECOND), SECOND // 2])
    mixture = torch.randn(2, 4 * SECOND)
    windows, lengths, counts = layer().windows(mixture, own)
    assert windows.shape == (2, 5, SECOND) and counts.tolist() == [[1] * 5, [1, 0, 0, 0, 0]]
    assert windows[0, 4].equal(mixture[0, own[0] - SECOND : own[0]])
    assert windows[0, 1].equal(mixture[0, SECOND // 2 : SECOND // 2 + SECOND])
    assert lengths.tolist() == [[SECOND] * 5, [SECOND // 2] * 5]
    # shorter than a window, and alone
    windows, lengths, counts = layer().windows(mixture[:1, :100], torch.tensor([100]))
    assert windows.shape == (1, 1, SECOND) and lengths.tolist() == [[100]]
    assert windows[0, 0, :100].equal(mixture[0, :100]) and not windows[0, 0, 100:].any()


def test_the_enrolment_learns_and_the_windows_do_not() -> None:
    mixture = torch.full((1, 2 * SECOND), 0.1, requires_grad=True)
    person = enrolled()
    person.embedding.requires_grad_()
    frames = Frames(torch.zeros(2, 51, 2), None, HOP, OFFSET)
    found = layer()(frames, encode, mixture + 0.0, torch.tensor([2 * SECOND]), person)
    found.features[:, :, 0].square().sum().backward()
    assert mixture.grad is None and person.embedding.grad is not None
