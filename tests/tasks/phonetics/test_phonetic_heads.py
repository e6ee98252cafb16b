"""Phonetic heads learn what is planted, and leave alone what is unknown."""

from collections.abc import Callable

import pytest
import torch
from tiny_models import encode_with, encoding_of, noise_batch, tiny_encoder
from torch import Tensor

from joint.errors import ConfigError
from joint.layers.gradient_reversal import GradientReversal
from joint.outputs import SpeakerEncoding
from joint.scene import SceneBatch
from joint.task import ENROLLMENT, Encode, Task
from joint.training.building.model import layer_dims
from tasks.phonetics.labels import phone_shares
from tasks.phonetics.task import FramePhones, SegmentPhones

PHONES = ("SIL", "AA", "B", "K")


def tones(scenes: int = 16, seed: int = 0) -> SceneBatch:
    """Recordings of tones, one for each phone, of random lengths."""
    rng = torch.Generator().manual_seed(seed)
    waveforms, phones, ends = [], [], []
    frequency = torch.tensor([0.0, 400.0, 1500.0, 4000.0])
    for _ in range(scenes):
        lengths = torch.randint(800, 2400, (8,), generator=rng)
        chosen = torch.randint(0, 4, (8,), generator=rng)
        time = torch.arange(int(lengths.sum())) / 16_000
        pitch = frequency[chosen].repeat_interleave(lengths)
        waveforms.append((0.3 * torch.sin(2 * torch.pi * pitch * time))[:6400])
        phones.append(chosen)
        ends.append(lengths.cumsum(0).clamp(max=6400))
    return noise_batch(
        scenes,
        enrolled=1,
        enrollment=torch.stack(waveforms)[:, None],
        enrollment_lengths=torch.full((scenes, 1), 6400),
        enrollment_phones=torch.stack(phones)[:, None],
        enrollment_phone_ends=torch.stack(ends)[:, None],
    )


def fields(batch: SceneBatch, phones: Tensor) -> dict[str, Tensor | None]:
    """What `tones` gave, with other phones."""
    return {
        "enrollment": batch.enrollment,
        "enrollment_lengths": batch.enrollment_lengths,
        "enrollment_phones": phones,
        "enrollment_phone_ends": batch.enrollment_phone_ends,
    }


def all_layers(encoder):  # type: ignore[no-untyped-def]
    def encode(audio: Tensor, lengths: Tensor, role: str) -> SpeakerEncoding:
        encoding: SpeakerEncoding = encoder(audio.flatten(0, -2), lengths.flatten(), None)
        return encoding

    return encode


def shares_as_embedding(batch: SceneBatch) -> Encode:
    """An encoder whose embedding holds the shares of the phones, through a fixed random map."""
    mapping = torch.randn(4, 12, generator=torch.Generator().manual_seed(0))
    assert batch.enrollment_phones is not None and batch.enrollment_phone_ends is not None
    phones, ends = batch.enrollment_phones[:, 0], batch.enrollment_phone_ends[:, 0]
    shares = phone_shares(phones, ends, torch.full((len(phones),), 6400), 4)
    return lambda audio, lengths, role: encoding_of(shares @ mapping)


def trained(
    task: Task, encoder: Callable[[SceneBatch], Encode], steps: int = 60
) -> dict[str, float]:
    """Figures of the head on other recordings, after training it on a fixed encoder."""
    optimizer = torch.optim.Adam(task.parameters(), lr=1e-2)
    for step in range(steps):
        batch = tones(seed=step)
        output = task.loss(encoder(batch), batch, 0.0)
        optimizer.zero_grad()
        output.loss.backward()
        optimizer.step()
    batch = tones(64, seed=1000)
    with torch.no_grad():
        return task.eval().validate(encoder(batch), [batch])


def test_frames_tell_their_phone() -> None:
    torch.manual_seed(0)
    task = FramePhones(layer_dims(tiny_encoder()), PHONES, layer="tdnn1", hidden=16)
    encode = all_layers(tiny_encoder().eval().requires_grad_(False))
    figures = trained(task, lambda batch: encode)
    assert figures["accuracy"] > 0.9 and figures["speech_accuracy"] > 0.9


def test_the_embedding_tells_the_shares() -> None:
    torch.manual_seed(0)
    figures = trained(SegmentPhones(12, PHONES, hidden=32), shares_as_embedding, steps=150)
    assert figures["explained"] > 0.9


def test_reversed_gradients_reach_the_encoder() -> None:
    batch = tones(4)
    for make in (
        lambda r: FramePhones(layer_dims(tiny_encoder()), PHONES, "tdnn2", 8, r),
        lambda r: SegmentPhones(12, PHONES, 8, r),
    ):
        gradients = []
        for reversal in (None, GradientReversal(0.5, rise=0.0)):
            torch.manual_seed(1)
            task, encoder = make(reversal), tiny_encoder()
            task.loss(all_layers(encoder), batch, 0.5).loss.backward()
            gradients.append(encoder.backbone.convs[0].weight.grad)
        assert gradients[0].abs().max() > 0
        torch.testing.assert_close(gradients[1], -0.5 * gradients[0])


def test_unknown_recordings_do_not_count() -> None:
    torch.manual_seed(0)
    batch = tones(6)
    assert batch.enrollment_phones is not None
    phones = batch.enrollment_phones.clone()
    phones[3:] = -1
    partly = noise_batch(6, enrolled=1, **fields(batch, phones))
    for task in (
        FramePhones(layer_dims(tiny_encoder()), PHONES, "tdnn1", hidden=0),
        SegmentPhones(12, PHONES).eval(),
    ):
        encode = all_layers(tiny_encoder().eval())
        known = task.loss(encode, batch, 0.0)
        some = task.loss(encode, partly, 0.0)
        assert 0 < some.count < known.count
        nothing = noise_batch(6, enrolled=1, **fields(batch, torch.full_like(phones, -1)))
        none = task.loss(encode, nothing, 0.0)
        assert none.count == 0 and float(none.loss.detach()) == 0.0
        none.loss.backward()


def test_what_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"tdnn9.*tdnn1 or tdnn2"):
        FramePhones(layer_dims(tiny_encoder()), PHONES, layer="tdnn9")
    with pytest.raises(ConfigError, match="joint align"):
        SegmentPhones(12, ())


def test_layers_are_those_asked_for() -> None:
    encode = encode_with(tiny_encoder().eval())
    assert not encode(torch.randn(1, 4800), torch.tensor([4800]), ENROLLMENT).layers
