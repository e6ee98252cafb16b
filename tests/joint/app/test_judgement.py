"""The Python interface looks at recordings before it judges them; what it then withholds."""

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from treated import clipped, mp3, stored_at, telephone, zeros

from joint.app.api import SpeakerModel, load
from joint.app.checkpoints import SHIPPED
from joint.audio import AudioWarning, read_audio
from joint.errors import AudioError, CheckpointError, ConfigError
from joint.task import Enrollment
from tasks.verification.enrolment.database import SpeakerDatabase, read_recordings


@pytest.fixture(scope="module")
def model() -> SpeakerModel:
    return load(SHIPPED)


@pytest.fixture
def voices(recordings: list[Path]) -> list[np.ndarray]:
    """Two recordings each of two speakers."""
    return [read_audio(path) for path in recordings]


def silence(seconds: float = 3.0) -> dict[str, np.ndarray]:
    """What a microphone gives to which nobody talks."""
    count, draw = round(16_000 * seconds), np.random.default_rng(0)
    click = np.zeros(count, np.float32)
    click[count // 2] = 0.5
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(count) / 16_000)
    room = 0.002 * draw.standard_normal(count)
    lowest_bit = np.round(0.6 * draw.standard_normal(count)) / 32_768
    found = {"tone": tone, "constant": np.full(count, 0.2), "click": click, "room": room}
    return {k: v.astype(np.float32) for k, v in {**found, "muted": lowest_bit}.items()}


def test_clean_recordings_are_judged(model: SpeakerModel, voices: list[np.ndarray]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", AudioWarning)
        found = model.verify(voices[0], voices[1])
    assert found.same and found.withheld is None
    assert found.probability is not None and found.probability > 0.5


@pytest.mark.parametrize("name", silence())
def test_silence_matches_nobody(
    model: SpeakerModel, voices: list[np.ndarray], recordings: list[Path], name: str
) -> None:
    """Two dead recordings were the same speaker, with a probability of 0.998."""
    dead, database = silence()[name], SpeakerDatabase(model.identity)
    for other in (dead[8000:], voices[0]):
        with pytest.warns(AudioWarning, match="no speech"):
            found = model.verify(dead, other)
        assert (found.same, found.probability, found.withheld) == (None, None, "no speech")
    database.enroll("Anna", read_recordings(model.embed, recordings[:1]))
    with pytest.warns(AudioWarning, match="recording: no speech"):
        answer = model.identify(dead, database, threshold=-1.0)
    assert answer.speaker is None and answer.best.probability is None


@pytest.mark.parametrize(
    ("treat", "flaw"),
    [
        (stored_at(8000), "narrow band"),
        (stored_at(11_025), "narrow band"),
        (telephone, "narrow band"),
        (mp3, "narrow band"),
        (clipped(0.05), "clipped"),
        (zeros(0.6, before=True), "digital silence"),
    ],
)
def test_the_probability_is_withheld(
    model: SpeakerModel,
    voices: list[np.ndarray],
    treat: Callable[[np.ndarray], np.ndarray],
    flaw: str,
) -> None:
    with pytest.warns(AudioWarning) as caught:
        found = model.verify(voices[0], treat(voices[1]))
    assert [str(w.message).partition(" (")[0] for w in caught] == [f"recording 1: {flaw}"]
    assert (found.probability, found.withheld) == (None, flaw)
    assert found.same == (found.score >= found.threshold)


def test_channels_in_opposite_phase(
    model: SpeakerModel, voices: list[np.ndarray], tmp_path: Path
) -> None:
    path = tmp_path / "opposite.wav"
    soundfile.write(path, np.stack([voices[1], -0.95 * voices[1]], 1), 16_000, subtype="FLOAT")
    with pytest.warns(AudioWarning, match=r"opposite\.wav: cancelled channels"):
        found = model.verify(voices[0], path)
    assert found.withheld == "cancelled channels" and found.probability is None
    with pytest.raises(AudioError, match="cancelled channels; expected channels in phase"):
        read_recordings(model.embed, [path])


def test_a_domain_that_covers_the_recording(
    model: SpeakerModel, voices: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint whose calibration holds for narrow bands says so in its metadata."""
    wide = {**model.metadata, "domain": {"bandwidth_hertz": [3000, None]}}
    other = SpeakerModel(model.model, wide, model.path)
    with warnings.catch_warnings():
        warnings.simplefilter("error", AudioWarning)
        found = other.verify(voices[0], telephone(voices[1]))
    assert found.withheld is None and found.probability is not None


def test_a_narrow_band_enrolment_withholds_its_probability(
    model: SpeakerModel, voices: list[np.ndarray], recordings: list[Path], tmp_path: Path
) -> None:
    narrow, database = tmp_path / "narrow.wav", SpeakerDatabase(model.identity)
    soundfile.write(narrow, telephone(voices[2]), 16_000)
    with pytest.warns(AudioWarning, match="narrow band"):
        enrolled = read_recordings(model.embed, [narrow], model.domain)
    database.enroll("Ben", enrolled)
    database.enroll("Anna", read_recordings(model.embed, recordings[:1], model.domain))
    found = model.identify(recordings[1], database)
    assert found.speaker == "Anna" == found.best.name
    chances = {c.name: (c.probability is None, c.withheld) for c in found.candidates}
    assert chances == {"Anna": (False, None), "Ben": (True, "narrow band")}


def test_what_was_inspected_is_not_looked_at_again(
    model: SpeakerModel, voices: list[np.ndarray]
) -> None:
    bad = model.inspect(telephone(voices[0]), "phone.wav")
    with pytest.warns(AudioWarning) as caught:
        model.verify(bad, bad)
    assert [str(w.message).partition(":")[0] for w in caught] == ["phone.wav"]


def mixed(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    count = min(len(first), len(second))
    return 0.7 * (first[:count] + second[:count])


@pytest.mark.parametrize("name", ["tone", "room", "muted"])
def test_an_enrolment_without_speech_extracts_nobody(
    model: SpeakerModel, voices: list[np.ndarray], name: str
) -> None:
    mixture, dead = mixed(voices[0], voices[2]), silence()[name]
    for enrolment in (dead, Enrollment.of(dead[:20_000], dead[20_000:])):
        with pytest.raises(AudioError, match="enrolment: found no speech"):
            model.extract(mixture, enrolment)


def test_a_mixture_without_speech_has_nobody_in_it(
    model: SpeakerModel, voices: list[np.ndarray]
) -> None:
    with pytest.warns(AudioWarning) as caught:
        found = model.extraction(silence()["room"], voices[0])
    texts = [str(w.message) for w in caught]
    assert texts[0] == "mixture: no speech (noise)"
    assert texts[1].startswith("mixture: the enrolled speaker is not present")
    assert found.present is False and found.waveform.shape == (48_000,)


def test_who_is_present(model: SpeakerModel, speakers: dict[str, list[Path]]) -> None:
    """In recordings of one speaker; 6 of 12 absent speakers are noticed."""
    people = [[read_audio(path) for path in paths[:2]] for paths in speakers.values()]
    answers = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AudioWarning)
        for k, (recording, enrolment) in enumerate(people):
            stranger = people[(k + 5) % len(people)][1]
            own, other = (model.extraction(recording, e) for e in (enrolment, stranger))
            assert own.presence is not None and other.presence is not None
            assert other.presence < own.presence
            answers.append((own.present, other.present))
    own_present, others_present = (sum(map(bool, side)) for side in zip(*answers, strict=True))
    assert own_present >= 11 and others_present <= 6, (own_present, others_present)


def test_a_kept_embedding_for_an_extractor_that_needs_the_recording(
    model: SpeakerModel, voices: list[np.ndarray]
) -> None:
    with pytest.raises(ConfigError, match="without its recording"):
        model.extraction(voices[0], Enrollment.kept(model.embed(voices[1:2])[0]))


def test_a_checkpoint_without_the_decision(tiny_checkpoint: Path, voices: list[np.ndarray]) -> None:
    found = load(tiny_checkpoint).extraction(mixed(voices[0], voices[2]), voices[1])
    assert found.presence is None and found.present is None


def test_a_domain_that_cannot_be_read(model: SpeakerModel, voices: list[np.ndarray]) -> None:
    wrong = SpeakerModel(model.model, {"domain": {"size": [1, 2]}}, Path("c.safetensors"))
    with pytest.raises(CheckpointError, match=r"c\.safetensors: found domain\.size"):
        wrong.verify(voices[0], voices[1])
