"""Content is normalised over the frames of its recording, and learns from phones alone."""

from typing import Any

import torch
from torch import Tensor

from joint.data.phones import UNKNOWN
from joint.seeding import seeded
from joint.synthesis.mel import MELS
from tasks.conversion.content.base import Read, Speech, Targets, instance_normalised
from tasks.conversion.content.phonetic import PhoneticContent, phone_loss


def made(**settings: Any) -> PhoneticContent:
    with seeded(0, "content"):
        return PhoneticContent(5, dim=16, blocks=1, hidden=32, width=6, **settings)


def read(content: PhoneticContent, mel: Tensor, mask: Tensor, phones: Tensor) -> Read:
    """The content of a spectrogram; its waveform does not matter."""
    return content(Speech(mel[:, 0], mask.sum(dim=(1, 2)), mel, mask), Targets(phones))


def mels(*counts: int) -> tuple[Tensor, Tensor]:
    """Rows of so many frames, something else behind their ends, and their mask."""
    rng = torch.Generator().manual_seed(0)
    mask = torch.arange(max(counts)) < torch.tensor(counts)[:, None]
    return torch.randn(len(counts), max(counts), MELS, generator=rng), mask[..., None].float()


def test_mean_0_and_deviation_1_over_the_frames_of_a_recording() -> None:
    features, mask = mels(50, 20, 1)
    features = 3.0 * features + 7.0
    found = instance_normalised(features, mask)
    for row, count in enumerate((50, 20)):
        own = found[row, :count]
        torch.testing.assert_close(own.mean(dim=0), torch.zeros(MELS), atol=1e-5, rtol=0)
        torch.testing.assert_close(own.std(dim=0, correction=0), torch.ones(MELS))
        expected = (features[row, :count] - features[row, :count].mean(dim=0)) / features[
            row, :count
        ].std(dim=0, correction=0)
        torch.testing.assert_close(own, expected, atol=1e-4, rtol=1e-4)
        assert not found[row, count:].any()
    assert not found[2].any()  # of one frame, and of a constant channel, nothing is left
    features[1] += 100.0 * (1.0 - mask[1])
    assert torch.equal(instance_normalised(features, mask), found)


def test_no_gradient_of_the_voice_reaches_it() -> None:
    content = made()
    found = read(content, *mels(30, 12), torch.randint(0, 5, (2, 30)))
    assert not found.features.requires_grad and found.loss is not None
    found.loss.backward()
    assert all(p.grad is not None and p.grad.any() for p in content.parameters())


def test_frames_of_unknown_phones_do_not_count() -> None:
    logits = torch.randn(2, 30, 5, generator=torch.Generator().manual_seed(0))
    phones = torch.randint(0, 5, (2, 30), generator=torch.Generator().manual_seed(1))
    phones[1, 12:] = UNKNOWN
    loss, accuracy = phone_loss(logits, phones)
    changed = logits.clone()
    changed[1, 12:] += torch.tensor([9.0, 0, 0, 0, 0])
    again, same = phone_loss(changed, phones)
    assert torch.equal(loss, again) and torch.equal(accuracy, same)
    known = phones != UNKNOWN
    assert float(accuracy) == float((logits.argmax(2) == phones)[known].float().mean())


def test_dropped_bands_are_dropped_in_whole_recordings() -> None:
    content, seen = made(dropout=0.5), []
    content.body.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    torch.manual_seed(0)
    read(content, torch.ones(2, 10, MELS), torch.ones(2, 10, 1), torch.zeros(2, 10).long())
    [mel] = seen
    assert set(mel.unique().tolist()) == {0.0, 2.0}
    assert torch.equal(mel, mel[:, :1].expand_as(mel)) and not torch.equal(mel[0], mel[1])
