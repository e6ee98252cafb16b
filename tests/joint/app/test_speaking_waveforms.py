"""A synthesis that makes waveforms itself, at the Python interface and in its evaluation."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from joint.app.api import SpeakerModel, load
from joint.app.measuring.speech import copier, speaker, voice_copier
from joint.app.web.tabs.synthesis import why_not
from joint.audio import read_audio
from joint.errors import CheckpointError, ConfigError
from joint.outputs import SpeakerEncoding, TaskOutput
from joint.synthesis.decoders.base import Sampling
from joint.synthesis.level import TARGET, speech_rms
from joint.synthesis.speaking import AS_PREDICTED, SpeakingOptions, SpeakingTask

SAMPLES = 1_600


class Tones(SpeakingTask):
    """A tone of 0.1 s for each phone, as high as its number."""

    makes_waveform = True
    controls = frozenset({"rate"})
    requires = frozenset()

    def loss(self, encode: Any, batch: Any, progress: float) -> TaskOutput:
        raise NotImplementedError

    def speak_in(
        self, encoding: SpeakerEncoding, phones: Tensor, options: SpeakingOptions = AS_PREDICTED
    ) -> Tensor:
        hertz = 100.0 * (1.0 + phones).repeat_interleave(round(SAMPLES / options.rate))
        return 0.3 * (2.0 * torch.pi * hertz * torch.arange(len(hertz)) / 16_000).sin()


@pytest.fixture
def model(speaking_checkpoint: Path) -> SpeakerModel:
    loaded = load(speaking_checkpoint, tasks=("synthesis",))
    tasks: nn.ModuleDict = loaded.model.tasks
    tasks["synthesis"] = Tones()
    return loaded


@pytest.fixture(scope="module")
def anna(recordings: list[Path]) -> np.ndarray:
    return read_audio(recordings[0])


def test_no_vocoder_is_needed(model: SpeakerModel, anna: np.ndarray) -> None:
    made = model.synthesize("So?", anna)
    assert len(made) % SAMPLES == 0 and made.dtype == np.float32
    assert float(speech_rms(torch.from_numpy(made)[None])) == pytest.approx(TARGET, rel=1e-3)
    assert len(model.synthesize("So?", anna, rate=2.0)) == len(made) // 2
    with pytest.raises(ConfigError, match="vocoder: found griffin-lim; expected none"):
        model.synthesize("So?", anna, vocoder="griffin-lim")


def test_what_it_cannot_control_is_refused(model: SpeakerModel, anna: np.ndarray) -> None:
    for asked in ({"pitch": 2.0}, {"steps": 4}, {"temperature": 0.5}, {"top_p": 0.5}):
        name = next(iter(asked))
        with pytest.raises(ConfigError, match=f"^{name}: found .*cannot control it"):
            model.synthesize("So?", anna, **asked)


def test_steps_of_a_conversion_without_any_are_refused(
    speaking_checkpoint: Path, anna: np.ndarray
) -> None:
    model = load(speaking_checkpoint, tasks=("conversion", "vocoder"))
    model.model.tasks["conversion"].controls = frozenset()
    with pytest.raises(ConfigError, match=r"^steps: found 4; .*cannot control it"):
        model.convert(anna, anna, steps=4)
    with pytest.raises(ConfigError, match=r"^temperature: found 0\.5; .*cannot control it"):
        model.convert(anna, anna, temperature=0.5)


def test_sampling_reaches_the_task(model: SpeakerModel, anna: np.ndarray) -> None:
    task: Any = model.model.tasks["synthesis"]
    task.controls = frozenset({"temperature", "top_p"})
    asked: list[SpeakingOptions] = []
    own = task.speak_in

    def speak_in(encoding: SpeakerEncoding, phones: Tensor, options: SpeakingOptions) -> Tensor:
        asked.append(options)
        made: Tensor = own(encoding, phones, options)
        return made

    task.speak_in = speak_in
    speaker(model, None, None, 0.25, 0.5)("So?", anna, "")
    assert asked[0].sampling == Sampling(temperature=0.25, top_p=0.5)


def test_copies_are_made_where_there_is_a_vocoder(
    model: SpeakerModel, speaking_checkpoint: Path
) -> None:
    assert voice_copier(model) is None and why_not(None, model) is None  # type: ignore[arg-type]
    with pytest.raises(CheckpointError):
        copier(model)
    assert voice_copier(model, str(speaking_checkpoint)) is not None
