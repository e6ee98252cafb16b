"""Synthesis and conversion at the Python interface."""

import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import joint.synthesis.finishing.windows as windows
from joint.app.api import SpeakerModel, load
from joint.audio import AudioWarning, read_audio
from joint.errors import AudioError, CheckpointError, ConfigError, DataError
from joint.synthesis.decoders.base import Sampling
from joint.synthesis.finishing.joining import trimmed
from joint.synthesis.level import HIGHEST_PEAK, TARGET, speech_rms
from joint.synthesis.mel import HOP
from joint.synthesis.speaking import SpeakingOptions
from joint.synthesis.vocoders.base import Vocoder
from joint.task import Enrollment
from tasks.conversion.task import ConversionTask
from tasks.synthesis.task import SynthesisTask

SECOND = 16_000
TEXT = "Good morning, Mr. Smith. How are you?"


@pytest.fixture(scope="module")
def model(speaking_checkpoint: Path) -> SpeakerModel:
    return load(speaking_checkpoint)


@pytest.fixture(scope="module")
def anna(recordings: list[Path]) -> np.ndarray:
    return read_audio(recordings[0])


@pytest.fixture(scope="module")
def bea(recordings: list[Path]) -> np.ndarray:
    return read_audio(recordings[2])


def level(waveform: np.ndarray) -> float:
    return float(speech_rms(torch.from_numpy(waveform)[None]))


def test_sentences_are_joined_with_pauses(model: SpeakerModel, anna: np.ndarray) -> None:
    alone, second, whole = (
        model.synthesize(text, anna) for text in ("How are you?", "So?", "How are you? So?")
    )
    assert whole.dtype == np.float32 and np.isfinite(whole).all()
    assert len(whole) == len(alone) + round(0.4 * SECOND) + len(second)
    pause = whole[len(alone) : len(alone) + round(0.4 * SECOND)]
    assert not pause.any() and whole[0] == 0.0 == whole[-1]
    # untrained sentences differ in level: the level is that of the whole
    assert level(whole) == pytest.approx(TARGET, rel=1e-3)


def test_speech_depends_on_text_voice_and_seed_alone(
    model: SpeakerModel, anna: np.ndarray, bea: np.ndarray
) -> None:
    made = model.synthesize(TEXT, anna)
    np.testing.assert_array_equal(made, model.synthesize(TEXT, anna, seed=0))
    others = (
        model.synthesize(TEXT, bea),
        model.synthesize(TEXT, anna, seed=1),
        model.synthesize(TEXT, anna, steps=5),
        model.synthesize("Good evening, Mr. Smith. How are you?", anna),
    )
    for other in others:
        assert not np.array_equal(other, made)


def test_rate_and_energy(model: SpeakerModel, anna: np.ndarray) -> None:
    usual, fast = (model.synthesize(TEXT, anna, rate=rate) for rate in (1.0, 2.0))
    assert len(fast) == pytest.approx(len(usual) / 2, rel=0.15)
    quiet = model.synthesize(TEXT, anna, energy=-6.0)
    assert level(quiet) == pytest.approx(TARGET / 2, rel=0.01)
    loud = model.synthesize(TEXT, anna, energy=24.0)
    assert np.abs(loud).max() <= HIGHEST_PEAK + 1e-6


def test_what_is_asked_for_reaches_the_task(
    model: SpeakerModel, anna: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Untrained, the small model has no voiced frames whose pitch could change."""
    given: list[SpeakingOptions] = []
    speak = SynthesisTask.speak_in

    def noted(self: SynthesisTask, *arguments: Any) -> torch.Tensor:
        given.append(arguments[-1])
        return speak(self, *arguments)

    monkeypatch.setattr(SynthesisTask, "speak_in", noted)
    model.synthesize("So?", anna, 1.5, -3.0, 2.0, 4, None, 7)
    assert given == [SpeakingOptions(1.5, -3.0, 2.0, Sampling(steps=4, seed=7))]


def test_an_enrolment_of_any_kind(model: SpeakerModel, anna: np.ndarray) -> None:
    expected = model.synthesize(TEXT, anna)
    halves = Enrollment.of(anna[: len(anna) // 2], anna[len(anna) // 2 :])
    np.testing.assert_allclose(model.synthesize(TEXT, halves), expected, atol=1e-4)
    kept = Enrollment.kept(model.embed([anna])[0])
    assert len(model.synthesize(TEXT, kept)) > SECOND
    with pytest.raises(DataError, match=r"shape \(5,\); expected \(32,\)"):
        model.synthesize(TEXT, Enrollment.kept(np.zeros(5, np.float32)))


def test_the_enrolment_is_encoded_once(model: SpeakerModel, anna: np.ndarray) -> None:
    encoded: list[int] = []
    hook = model.model.encoder.register_forward_hook(lambda *_: encoded.append(1))
    try:
        model.synthesize("One. Two. Three.", anna)
    finally:
        hook.remove()
    assert len(encoded) == 1


def test_another_vocoder_takes_the_place_of_the_own(
    model: SpeakerModel,
    speaking_checkpoint: Path,
    tiny_checkpoint: Path,
    anna: np.ndarray,
    bea: np.ndarray,
) -> None:
    bare = load(speaking_checkpoint, tasks=("synthesis", "conversion"))
    for speak in (partial(bare.synthesize, "Yes."), partial(bare.convert, bea)):
        with pytest.raises(CheckpointError, match=r"tasks synthesis, conversion.*griffin-lim"):
            speak(anna)
        by_griffin_lim = speak(anna, vocoder="griffin-lim")
        by_other = speak(anna, vocoder=str(speaking_checkpoint))
        assert by_other.shape == by_griffin_lim.shape and len(by_other) > 1000
        assert not np.allclose(by_other, by_griffin_lim, atol=1e-3)
        with pytest.raises(ConfigError, match="vocoder: found 'melgan'"):
            speak(anna, vocoder="melgan")
    np.testing.assert_array_equal(model.convert(bea, anna), by_other)
    assert bare.vocoder(str(speaking_checkpoint)) is bare.vocoder(str(speaking_checkpoint))
    with pytest.raises(CheckpointError, match="vocoder"):
        bare.vocoder(str(tiny_checkpoint))


def test_a_checkpoint_without_the_task_names_those_it_has(
    speaking_checkpoint: Path, anna: np.ndarray, bea: np.ndarray
) -> None:
    bare = load(speaking_checkpoint, tasks=("vocoder",))
    with pytest.raises(CheckpointError, match="found tasks vocoder; expected one with a synthesis"):
        bare.synthesize("Yes.", anna)
    with pytest.raises(CheckpointError, match="found tasks vocoder; expected one with a conversi"):
        bare.convert(bea, anna)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("rate", value) for value in (0.2, 5.0, float("nan"))),
        *(("pitch", 25.0), ("energy", -25.0), ("steps", 0), ("steps", 101), ("seed", -1)),
    ],
)
def test_numbers_outside_their_range(
    model: SpeakerModel, anna: np.ndarray, name: str, value: Any
) -> None:
    with pytest.raises(ConfigError, match=f"^{name}: found .*; expected .* to "):
        model.synthesize(TEXT, anna, **{name: value})


def test_values_of_another_type(model: SpeakerModel, anna: np.ndarray) -> None:
    wrong: dict[str, tuple[Any, ...]] = {
        "rate": ("fast", None, True),
        "steps": (2.5, "4"),
        "seed": (1.5, None),
        "pitch": ([],),
    }
    for name, values in wrong.items():
        for value in values:
            with pytest.raises(ConfigError, match=f"^{name}: found "):
                model.synthesize(TEXT, anna, **{name: value})
    for text in (None, 5, b"Yes.", ["Yes.", "No."]):
        with pytest.raises(DataError, match="text: found a value of type"):
            model.synthesize(text, anna)  # type: ignore[arg-type]
    pcm = (anna * 32767).astype(np.int16)
    for person in (None, pcm, torch.from_numpy(anna), Enrollment.of(pcm), [], 5):
        with pytest.raises(AudioError, match="enrolment: found"):
            model.synthesize(TEXT, person)  # type: ignore[arg-type]
    with pytest.raises(AudioError, match=r"enrolment: .*shape \(2, "):
        model.synthesize(TEXT, Enrollment.of(anna, np.stack([anna, anna])))
    with pytest.raises(AudioError, match="source: found samples of type int16"):
        model.convert(pcm, anna)


def test_a_long_enrolment_is_encoded_in_part(
    model: SpeakerModel, anna: np.ndarray, bea: np.ndarray
) -> None:
    lengths: list[int] = []
    encoder = model.model.encoder
    hook = encoder.register_forward_hook(lambda _, given, __: lengths.append(given[0].shape[1]))
    try:
        model.synthesize("So?", np.tile(anna, 1 + 70 * SECOND // len(anna)))
    finally:
        hook.remove()
    assert lengths == [60 * SECOND]


def test_what_cannot_be_spoken_or_enrolled(model: SpeakerModel, anna: np.ndarray) -> None:
    for text in ("", " \n", "... !", "word " * 5000, "Доброе утро", "ring the \a bell"):
        with pytest.raises(DataError) as caught:
            model.synthesize(text, anna)
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 400
    with pytest.raises(DataError, match="no sentences"):
        model.synthesize([], anna)
    room = 0.003 * np.random.default_rng(0).standard_normal(3 * SECOND).astype(np.float32)
    for enrolment in (room, anna[: SECOND // 2]):
        with pytest.raises(AudioError, match=r"enrolment: .*speech"):
            model.synthesize(TEXT, enrolment)
        with pytest.raises(AudioError, match=r"enrolment: .*speech"):
            model.convert(anna, enrolment)


@pytest.mark.filterwarnings("ignore:source")
@pytest.mark.parametrize("samples", [SECOND, SECOND + 1, 2 * SECOND - 77])
def test_a_conversion_is_as_long_as_its_source(
    model: SpeakerModel, anna: np.ndarray, bea: np.ndarray, samples: int
) -> None:
    made = model.convert(bea[:samples], anna)
    assert made.shape == (samples,) and made.dtype == np.float32
    assert made[0] == 0.0 == made[-1]
    assert level(made) == pytest.approx(TARGET, rel=0.05)


def test_a_long_source_in_pieces(
    model: SpeakerModel, anna: np.ndarray, bea: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each piece keeps its level in the whole: room noise alone does not become loud."""
    lengths: list[int] = []
    convert = ConversionTask.convert

    def noted(self: ConversionTask, *arguments: Any) -> torch.Tensor:
        lengths.append(arguments[0].shape[1])
        return convert(self, *arguments)

    def envelope(_: Vocoder, log_mel: torch.Tensor) -> torch.Tensor:
        return log_mel.exp().mean(dim=0)[:-1].repeat_interleave(HOP)

    monkeypatch.setattr(ConversionTask, "convert", noted)
    monkeypatch.setattr(windows, "vocoded", envelope)
    talk = trimmed(bea)
    room = 3e-4 * np.random.default_rng(0).standard_normal(31 * SECOND).astype(np.float32)
    made = model.convert(np.concatenate([talk, room]), anna)
    assert made.shape == (len(talk) + len(room),)
    assert len(lengths) > 1 and max(lengths) <= 26 * SECOND
    assert made[-8 * SECOND :].mean() < 0.1 * made[: len(talk)].mean()


def test_a_target_that_is_the_source(
    model: SpeakerModel, anna: np.ndarray, recordings: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    rounded = np.round(anna * 2**15).astype(np.float32) / 2**15
    for enrolment in (recordings[0], anna, Enrollment.of(anna), rounded, 0.5 * anna):
        with pytest.raises(AudioError, match="the source of the conversion itself"):
            model.convert(recordings[0], enrolment)
    monkeypatch.setitem(model.metadata, "threshold", -1.0)
    for enrolment in (recordings[2], Enrollment.kept(model.embed([recordings[2]])[0])):
        with pytest.warns(AudioWarning, match="a voice like the target's"):
            assert len(model.convert(anna, enrolment)) == len(anna)
    monkeypatch.setitem(model.metadata, "threshold", 1.01)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*a voice like")
        model.convert(anna, recordings[2])
