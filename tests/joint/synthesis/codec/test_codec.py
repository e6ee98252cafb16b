"""The codec on real speech: lengths, padding, what its codes give back."""

import pytest
import torch
import torch.nn.functional as F
from tiny_synthesis import codec, trained
from torch import Tensor

from joint.errors import ConfigError
from joint.synthesis.codec.codec import CODE_HOP, CODE_OFFSET, Codec, codes_of
from joint.synthesis.mel import HOP


@pytest.fixture(scope="module")
def learnt(recordings: Tensor) -> Codec:
    """A codec that has seen the recordings."""
    return trained(codec(dim=128), recordings, 120)


@torch.no_grad()
def test_codes_give_back_the_log_mel(learnt: Codec, recordings: Tensor) -> None:
    """Better with all quantisers, and from the first on than the mean of every band."""
    codes, target = learnt.encode(recordings), learnt.mel(recordings)
    made = [learnt.log_mel(codes[..., :count])[..., : target.shape[2]] for count in (1, 2, 3)]
    errors = [float((m - target).abs().mean()) for m in made]
    of_the_mean = float((target - target.mean(dim=2, keepdim=True)).abs().mean())
    assert errors[2] < errors[0] < of_the_mean
    assert errors[2] < 0.8 * of_the_mean


@torch.no_grad()
def test_codes_decode_to_what_was_encoded(learnt: Codec, recordings: Tensor) -> None:
    found = learnt(recordings)
    made = learnt.log_mel(learnt.encode(recordings))[..., : found.target.shape[2]]
    torch.testing.assert_close(made, found.log_mel, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("samples", [7_200, 7_000, 6_999, 4_801, 399])
def test_lengths(learnt: Codec, recordings: Tensor, samples: int) -> None:
    recording = recordings[0, :samples]
    codes = learnt.encode(recording[None])
    assert codes.shape == (1, codes_of(samples), 3)
    assert learnt.decode(codes).shape == (1, (2 * codes.shape[1] - 1) * HOP)
    assert learnt.copy_of(recording).shape == (samples,)
    assert learnt.copy_of(recording, 1).shape == (samples,)


@torch.no_grad()
def test_a_copy_has_the_recording_s_level(learnt: Codec, recordings: Tensor) -> None:
    quiet = learnt.copy_of(0.1 * recordings[0])
    torch.testing.assert_close(quiet, 0.1 * learnt.copy_of(recordings[0]), atol=1e-4, rtol=1e-3)


def test_a_padded_recording_has_the_codes_that_it_has_alone(
    learnt: Codec, recordings: Tensor
) -> None:
    lengths = torch.tensor([7_200, 5_000, 4_700, 6_399])
    padded = recordings * (torch.arange(7_200) < lengths[:, None])
    together, counts = learnt.encode(padded, lengths), codes_of(lengths)
    for row, (length, count) in enumerate(zip(lengths.tolist(), counts.tolist(), strict=True)):
        alone = learnt.encode(recordings[row : row + 1, :length])
        assert alone.shape[1] == count
        assert torch.equal(together[row, :count], alone[0])


@torch.no_grad()
def test_a_frame_of_codes_is_about_its_own_time(learnt: Codec) -> None:
    """A click moves what its codes give about it alone."""
    place = 8
    sample = CODE_OFFSET + place * CODE_HOP
    silence = torch.zeros(1, 9_600)
    clicked = silence.clone()
    clicked[0, sample - 20 : sample + 20] = 0.5
    moved = (learnt.log_mel(learnt.encode(clicked)) - learnt.log_mel(learnt.encode(silence))).abs()
    by_code = F.avg_pool1d(moved, 2, 2).mean(dim=1)[0]
    centre = float((by_code * torch.arange(len(by_code))).sum() / by_code.sum())
    assert abs(centre - place) < 0.6
    assert float(by_code[:2].max()) == 0.0


def test_a_codec_without_training_is_refused() -> None:
    with pytest.raises(ConfigError, match="codec: found a codec without training; expected one"):
        codec().need_trained("codec")
