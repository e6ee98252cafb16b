"""People who talk at once in an enrolment: what the shipped extractor notices, and what follows."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from support import Command, Refused

from joint.app.api import SpeakerModel, load
from joint.app.checkpoints import SHIPPED
from joint.audio import AudioWarning, read_audio
from joint.errors import AudioError
from joint.training import checkpoint

FITTED = {"offset": 17.41, "gains": [-0.703, -0.204], "threshold": 2.42, "certain": None}
"""By `measured_overlap` on 500 recordings, of the speakers that the checkpoint was not trained on.
"""
ALWAYS = {"offset": 9.0, "gains": [0.0, 0.0], "threshold": 0.0, "certain": None}
AT_ONCE = "found the voices of several people at once"


@pytest.fixture(scope="module")
def voices(speakers: dict[str, list[Path]]) -> list[np.ndarray]:
    """A recording of each of twelve speakers."""
    return [read_audio(paths[0]) for paths in speakers.values()]


@pytest.fixture(scope="module")
def together(voices: list[np.ndarray]) -> list[np.ndarray]:
    """Each of them with the next one, equally loud."""
    found = []
    for number, one in enumerate(voices):
        other = voices[number - 1]
        size = min(len(one), len(other))
        one, other = one[:size], other[:size]
        found.append(0.05 * (one / np.std(one) + other / np.std(other)).astype(np.float32))
    return found


def deciding(decision: dict[str, Any]) -> SpeakerModel:
    """The shipped checkpoint with this decision alone."""
    model = load(SHIPPED, tasks=("extraction",))
    return SpeakerModel(model.model, {"overlap": decision}, model.path)


def noticed(model: SpeakerModel, recordings: list[np.ndarray]) -> int:
    """How many of the recordings a warning names."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", AudioWarning)
        model.check_overlap([model.inspect(r, f"r{n}") for n, r in enumerate(recordings)])
    texts = [str(w.message) for w in caught]
    assert all(AT_ONCE in text for text in texts)
    return len({text.partition(":")[0] for text in texts})


def test_voices_at_once_are_noticed_and_one_voice_is_not(
    voices: list[np.ndarray], together: list[np.ndarray]
) -> None:
    """About half of the pairs on held-out speakers, and about 1 % of single voices."""
    found = [noticed(deciding(FITTED), recordings) for recordings in (voices, together)]
    assert found[0] <= 1 and found[1] >= 4, found


def test_an_extraction_warns_of_them_or_refuses_them(
    voices: list[np.ndarray], together: list[np.ndarray]
) -> None:
    """As certain as it has to be: just above the score it is refused, below it is not."""
    mixture, enrolment = together[0], together[2]
    with pytest.warns(AudioWarning) as caught:
        deciding(ALWAYS).extraction(mixture, enrolment)
    assert [str(w.message) for w in caught] == [
        f"enrolment: {AT_ONCE} (score 9.0); expected a recording in which the target speaker talks "
        "alone"
    ]
    with pytest.warns(AudioWarning, match=AT_ONCE):
        deciding({**ALWAYS, "certain": 9.0}).extraction(mixture, enrolment)
    with pytest.raises(AudioError, match=f"enrolment: {AT_ONCE}; expected a recording in which"):
        deciding({**ALWAYS, "certain": 8.9}).extraction(mixture, enrolment)


def test_of_a_long_enrolment_eight_seconds_are_looked_at(voices: list[np.ndarray]) -> None:
    model = deciding(ALWAYS)
    lengths = []

    def kept(mixture: np.ndarray, enrollment: np.ndarray) -> np.ndarray:
        lengths.append(len(mixture))
        return mixture

    model.estimate = kept  # type: ignore[method-assign, assignment]
    assert noticed(model, [np.tile(voices[0], 6)]) == 1
    assert lengths == [8 * 16_000]


@pytest.mark.parametrize("certain", [None, 8.0])
def test_enrolling_people_who_talk_at_once(
    tiny_checkpoint: Path,
    together: list[np.ndarray],
    joint_command: Command,
    refused: Refused,
    tmp_path: Path,
    certain: float | None,
) -> None:
    tensors, metadata = checkpoint.read(tiny_checkpoint)
    deciding, database = tmp_path / "deciding.safetensors", tmp_path / "database"
    metadata["overlap"] = {**ALWAYS, "certain": certain}
    checkpoint.write(deciding, tensors, metadata)
    soundfile.write(tmp_path / "two.wav", np.tile(together[0], 2), 16_000)
    command = ("enroll", "Anna", tmp_path / "two.wav", "--database", database)
    if certain is not None:
        line = refused(*command, "--checkpoint", deciding)
        assert line.startswith(f"error: {tmp_path / 'two.wav'}: {AT_ONCE}; expected a recording")
        assert not database.exists()
        return
    outcome = joint_command(*command, "--checkpoint", deciding)
    assert outcome.code == 0 and outcome.out.startswith("Anna: 1 recording"), outcome
    assert [line for line in outcome.err if AT_ONCE in line], outcome
    assert database.is_dir()
