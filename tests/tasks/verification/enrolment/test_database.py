"""Enrolled speakers, and the scores of a recording against them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from joint.audio import AudioWarning, read_audio, write_audio
from joint.encoders.identity import EncoderIdentity
from joint.errors import AudioError, DataError
from joint.inspection.domain import Domain
from tasks.verification.enrolment.database import (
    EnrolledRecording,
    SpeakerDatabase,
    checked_name,
    read_recordings,
)

ENCODER = EncoderIdentity("tested", "ab" * 32)


def recording(sha256: str, *values: float) -> EnrolledRecording:
    return EnrolledRecording(f"{sha256}.wav", sha256, 2.0, np.array(values, dtype=np.float32))


@pytest.fixture
def database() -> SpeakerDatabase:
    database = SpeakerDatabase(ENCODER)
    database.enroll("Anna", [recording("a1", 3, 0, 0), recording("a2", 0, 0.5, 0)])
    database.enroll("Ben", [recording("b1", 0, 0, 2)])
    return database


def state(database: SpeakerDatabase) -> dict[str, list[str]]:
    return {name: [v.sha256 for v in known] for name, known in database.speakers.items()}


def test_a_score_is_the_mean_cosine(database: SpeakerDatabase) -> None:
    # 3-4-5: cosines 0.6 and 0.8 with Anna's two, whatever the length of each embedding
    best, other = database.rank(np.array([3.0, 4.0, 0.0], dtype=np.float32))
    assert (best.name, other.name) == ("Anna", "Ben")
    assert best.score == pytest.approx(0.7) and other.score == pytest.approx(0.0)


def test_a_typical_embedding_has_the_mean_direction_and_length(database: SpeakerDatabase) -> None:
    """Lengths are 3 and 0.5: a long embedding counts no more than a short one."""
    expected = [1.75 * 0.5**0.5, 1.75 * 0.5**0.5, 0.0]
    np.testing.assert_allclose(database.typical_embedding("Anna"), expected, rtol=1e-6)
    np.testing.assert_allclose(database.typical_embedding("Ben"), [0, 0, 2])
    with pytest.raises(DataError, match=r"Cleo: found no enrolled speaker.*expected Anna, Ben"):
        database.typical_embedding("Cleo")


def test_enrolments_are_added_and_replaced(database: SpeakerDatabase) -> None:
    assert database.enroll("Anna", [recording("a3", 1, 1, 0)]) == []
    assert state(database)["Anna"] == ["a1", "a2", "a3"]
    assert database.enroll("Anna", [recording("a2", 0, 0.5, 0)], replace=True) == []
    assert state(database) == {"Anna": ["a2"], "Ben": ["b1"]}


def test_a_recording_twice_is_left_out(database: SpeakerDatabase) -> None:
    new, again = recording("a4", 1, 0, 1), recording("a1", 3, 0, 0)
    assert database.enroll("Anna", [again, new, new]) == [again, new]
    assert state(database)["Anna"] == ["a1", "a2", "a4"]


@pytest.mark.parametrize(
    ("recordings", "message"),
    [
        ([], "no recordings"),
        ([recording("c1", 1, 0, 0), recording("a1", 3, 0, 0)], "a recording of Anna"),
        ([recording("c1", 1, 0, 0), recording("c2", 1, 0)], r"shape \(2,\)"),
        ([recording("c1", 1, 0, float("nan"))], "NaN"),
    ],
    ids=["none", "another speaker's", "another size", "NaN"],
)
def test_what_is_refused_changes_nothing(
    database: SpeakerDatabase, recordings: Sequence[EnrolledRecording], message: str
) -> None:
    before = state(database)
    for name in ("Carla", "Ben"):
        with pytest.raises(DataError, match=message):
            database.enroll(name, recordings)
    assert state(database) == before


def test_a_speaker_can_be_removed(database: SpeakerDatabase) -> None:
    assert [v.sha256 for v in database.remove("Anna")] == ["a1", "a2"]
    assert [match.name for match in database.rank(np.ones(3))] == ["Ben"]
    with pytest.raises(DataError, match="expected Ben"):
        database.remove("Anna")
    database.remove("Ben")
    with pytest.raises(DataError, match="no enrolled speakers"):
        database.rank(np.ones(3))


def test_an_embedding_of_another_size(database: SpeakerDatabase) -> None:
    with pytest.raises(DataError, match=r"\(3,\)"):
        database.rank(np.ones(4))


@pytest.mark.parametrize("name", ["Anna Maria", "Zoë", "王小明", "O'Neill, 3rd", "x" * 100])
def test_names(name: str) -> None:
    assert checked_name(f"  {name} ") == name


def test_a_name_typed_on_two_machines_is_one() -> None:
    assert checked_name("Zoe\u0308") == checked_name("Zoë")


@pytest.mark.parametrize(
    "name", ["", "  ", "a\nb", "a\x00b", "a\x1b[31m", "a\u2028b", "\udcff", "x" * 101]
)
def test_invalid_names(name: str) -> None:
    with pytest.raises(DataError, match="1 to 100 characters"):
        checked_name(name)


def constant(waveforms: Sequence[np.ndarray]) -> np.ndarray:
    return np.array([[len(w), 1.0] for w in waveforms], dtype=np.float32)


@pytest.fixture
def voice(embedded_corpus: Path) -> np.ndarray:
    """A recording with 1.9 s of speech."""
    return read_audio(embedded_corpus / "WAVE/SPEAKER2450/024500006.ogg")


def test_recordings_carry_name_digest_and_duration_of_their_file(
    voice: np.ndarray, tmp_path: Path
) -> None:
    for name, start in (("one", 0), ("same", 0), ("other", 100)):
        write_audio(tmp_path / f"{name}.wav", voice[start:])
    one, same, other = read_recordings(
        constant, [tmp_path / f"{n}.wav" for n in ("one", "same", "other")]
    )
    assert (one.file, one.seconds) == ("one.wav", len(voice) / 16_000)
    assert one.sha256 == same.sha256 != other.sha256
    assert list(other.embedding) == [len(voice) - 100, 1]
    assert one.properties["speech_seconds"] > 1.5 and one.properties["bandwidth_hertz"] > 7000


def test_a_recording_to_enrol_lasts_at_least_a_second(tmp_path: Path) -> None:
    short = tmp_path / "short.wav"
    write_audio(short, np.full(15_000, 0.1))
    with pytest.raises(AudioError, match="at least 1 s"):
        read_recordings(constant, [short])


def test_a_recording_to_enrol_has_speech(voice: np.ndarray, tmp_path: Path) -> None:
    good, quiet = tmp_path / "good.wav", tmp_path / "quiet.wav"
    write_audio(good, voice)
    write_audio(quiet, 1e-3 * np.random.default_rng(1).standard_normal(32_000))
    with pytest.raises(AudioError, match=r"quiet\.wav: found no speech \(noise\); expected .* 1 s"):
        read_recordings(constant, [good, quiet])


def test_a_domain_warns_of_a_recording(voice: np.ndarray, tmp_path: Path) -> None:
    write_audio(tmp_path / "zeros.wav", np.concatenate([np.zeros(16_000), voice]))
    with pytest.warns(AudioWarning, match=r"zeros\.wav: digital silence"):
        (found,) = read_recordings(constant, [tmp_path / "zeros.wav"], Domain.of({}))
    assert found.properties["zeros_share"] > 0.2
