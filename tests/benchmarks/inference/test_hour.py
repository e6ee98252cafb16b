"""What the benchmark of an hour composes and runs."""

from pathlib import Path

import numpy as np

from tests.benchmarks.inference.hour import commands, conversation
from tests.benchmarks.settings import Settings


def test_a_conversation_of_the_length_asked_for(prepared: Path, tmp_path: Path) -> None:
    settings = Settings(prepared, tmp_path)
    talk = conversation(settings, 90.0)
    assert talk.shape == (90 * 16_000,) and talk.dtype == np.float32
    assert np.mean(np.abs(talk) > 1e-3) > 0.3
    assert talk[-16_000:].any()


def test_what_a_checkpoint_can_do(recogniser: Path, tiny_checkpoint: Path) -> None:
    (diarize,) = commands(str(tiny_checkpoint))
    assert diarize[0] == "diarize" and diarize[-2:] == ["--pipeline", "clustering"]
    # it has two recognisers: none is the one to transcribe with
    assert [command[0] for command in commands(str(recogniser))] == ["diarize"]
