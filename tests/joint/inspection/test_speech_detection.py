"""silero-vad's answers, many frames at a time and without torch."""

from pathlib import Path

import numpy as np
import pytest
import silero_vad
import torch
from silero_vad import (
    get_speech_timestamps,
    get_speech_timestamps_from_probs,
    load_silero_vad,
)

from joint.inspection import speech
from joint.inspection.speech import SileroSpeech
from joint.inspection.torchscript import read_tensors


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


@pytest.mark.parametrize("pause", [0.1, 0.3])
def test_regions_of_any_probabilities_are_those_of_the_package(pause: float) -> None:
    draw, find, seen = np.random.default_rng(4), SileroSpeech(pause), 0
    for _ in range(200):
        frames = int(draw.integers(1, 150))
        levels = draw.choice([0.05, 0.3, 0.34, 0.36, 0.49, 0.5, 0.9], frames)
        probabilities = np.repeat(levels, draw.integers(1, 12, frames))[:frames]
        samples = 512 * frames - int(draw.integers(0, 512))
        expected = get_speech_timestamps_from_probs(
            probabilities.tolist(),
            min_speech_duration_ms=60 if samples <= 16_000 else 250,
            min_silence_duration_ms=round(1000 * pause),
            audio_length_samples=samples,
        )
        found = find.regions(probabilities, samples)
        assert [tuple(region) for region in found] == [(e["start"], e["end"]) for e in expected]
        seen += len(found)
    assert seen > 200


def test_tensors_are_those_that_torch_reads() -> None:
    file = Path(silero_vad.__file__).parent / "data" / "silero_vad.jit"
    found, expected = read_tensors(file), torch.jit.load(file).state_dict()
    assert len(expected) == 30 and expected.keys() <= found.keys()
    for name, tensor in expected.items():
        np.testing.assert_array_equal(found[name], tensor.numpy())


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
