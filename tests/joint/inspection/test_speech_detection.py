"""silero-vad's answers, many frames at a time."""

import numpy as np
import pytest
import torch
from silero_vad import get_speech_timestamps, load_silero_vad

from joint.inspection import speech
from joint.inspection.speech import SileroSpeech


@pytest.fixture(scope="module")
def conversation(sentences: list[np.ndarray]) -> np.ndarray:
    """Recordings one after the other, with noise between."""
    pause = 1e-3 * np.random.default_rng(0).standard_normal(20_000).astype(np.float32)
    return np.concatenate([part for w in sentences for part in (w, pause)])


def test_probabilities_are_those_of_the_package(conversation: np.ndarray) -> None:
    model = load_silero_vad()
    padded = np.pad(conversation, (0, -len(conversation) % 512))
    frames = torch.from_numpy(padded).unfold(0, 512, 512)
    expected = [model(frame, 16_000).item() for frame in frames]
    np.testing.assert_allclose(SileroSpeech().probabilities(conversation), expected, atol=1e-4)


def test_regions_are_those_of_the_package(conversation: np.ndarray) -> None:
    expected = get_speech_timestamps(
        torch.from_numpy(conversation), load_silero_vad(), min_silence_duration_ms=300
    )
    found = SileroSpeech(pause=0.3)(conversation)
    assert [tuple(region) for region in found] == [(e["start"], e["end"]) for e in expected]
    assert len(found) >= 10


def test_a_long_recording_goes_in_blocks(
    conversation: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = SileroSpeech().probabilities(conversation)
    monkeypatch.setattr(speech, "AT_ONCE", 7)
    np.testing.assert_allclose(SileroSpeech().probabilities(conversation), whole, atol=1e-4)


def test_quiet_speech_is_found(sentences: list[np.ndarray]) -> None:
    """At −60 dB of its level it is below what silero-vad takes for speech by itself."""
    find = SileroSpeech()
    for waveform in sentences:
        spoken = [sum(b - a for a, b in find(gain * waveform)) for gain in (1.0, 1e-3)]
        assert spoken[1] > 0.8 * spoken[0] > 0


def test_what_is_no_speech() -> None:
    draw, time = np.random.default_rng(1), np.arange(48_000) / 16_000
    sounds = [
        np.zeros(48_000),
        np.full(48_000, 0.3),
        0.3 * np.sin(2 * np.pi * 440 * time),
        0.1 * draw.standard_normal(48_000),
        1e-4 * draw.standard_normal(48_000),
        np.round(0.6 * draw.standard_normal(48_000)) / 32_768,
    ]
    assert [SileroSpeech()(sound.astype(np.float32)) for sound in sounds] == [[]] * len(sounds)


def test_torch_keeps_its_threads() -> None:
    """silero-vad's import sets one."""
    before = torch.get_num_threads()
    speech._weights.cache_clear()
    SileroSpeech()
    assert torch.get_num_threads() == before
