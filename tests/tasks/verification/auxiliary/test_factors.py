"""Speaker and text as two factors."""

import pytest
import torch
from tiny_models import SPEAKERS, noise_batch, tiny_encoder
from torch import Tensor

from joint.errors import ConfigError
from joint.losses.softmax import Softmax
from joint.outputs import SpeakerEncoding
from joint.scene import SceneBatch
from joint.training.building.model import layer_dims
from tasks.verification.auxiliary.text_dependent import SpeakerTextFactors

PHRASES = ("nine", "one", "two")


def tones(seed: int, scenes: int = 24) -> SceneBatch:
    """The phrase is the order of two tones, the speaker how much noise there is."""
    rng = torch.Generator().manual_seed(seed)
    phrase = torch.randint(0, 3, (scenes, 1), generator=rng)
    speaker = torch.randint(0, SPEAKERS, (scenes, 1), generator=rng)
    time = torch.arange(4800) / 16_000
    pitch = torch.tensor([300.0, 1000.0, 3000.0])[phrase]
    noise = torch.randn(scenes, 4800, generator=rng) * torch.logspace(-3, 0, SPEAKERS)[speaker]
    recordings = 0.1 * torch.sin(2 * torch.pi * pitch * time) + 0.1 * noise
    return noise_batch(
        scenes,
        enrolled=1,
        enrollment=recordings[:, None],
        enrollment_lengths=torch.full((scenes, 1), 4800),
        speaker=speaker,
        phrase=phrase,
    )


def test_each_part_learns_its_own() -> None:
    torch.manual_seed(0)
    encoder = tiny_encoder()
    task = SpeakerTextFactors(12, layer_dims(encoder), SPEAKERS, PHRASES, "tdnn2", Softmax)

    def encode(audio: Tensor, lengths: Tensor, role: str) -> SpeakerEncoding:
        found: SpeakerEncoding = encoder(audio.flatten(0, -2), lengths.flatten(), ("tdnn2",))
        return found

    parameters = [*encoder.parameters(), *task.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=5e-3)
    for step in range(80):
        output = task.loss(encode, tones(step), step / 80)
        optimizer.zero_grad()
        output.loss.backward()
        optimizer.step()
    encoder.eval(), task.eval()
    with torch.no_grad():
        figures = task.validate(encode, [tones(1000, 60)])
        batch = tones(1001, 8)
        assert batch.enrollment is not None and batch.enrollment_lengths is not None
        factors = task.factors(encode, batch.enrollment, batch.enrollment_lengths)
    assert figures["same_phrase"] > 0.8  # processors differ: 0.90 on one
    assert figures["same_speaker"] > 0.33  # of five who differ in loudness of noise alone
    assert factors.both.shape == (8, 12)
    assert bool((factors.both.norm(dim=1) <= 2.0 + 1e-5).all())


def test_texts_that_do_not_recur() -> None:
    with pytest.raises(ConfigError, match="1 texts"):
        SpeakerTextFactors(12, layer_dims(tiny_encoder()), 3, ("one",), "tdnn2", Softmax)
