"""Identity, traits and spoofing of systems whose answer is known: the person, another person, one
voice for all."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from analysis.report.voices import write_voices_report
from analysis.synthesis.identity import identity
from analysis.synthesis.spoofing import spoofing
from analysis.synthesis.study import study
from analysis.synthesis.traits import traits
from analysis.synthesis.voices import NATURAL, Sentence, Speech, Voice, measure_voices
from joint.data.corpus import Utterance
from joint.directions import unit
from joint.errors import DataError
from joint.synthesis.evaluation.instruments import Instruments, Measured

PEOPLE, SENTENCES, DIM = 24, 3, 40


def people() -> np.ndarray:
    """A direction for each person: the first number is their gender, the second their pitch, and
    the rest is their own, `(PEOPLE, DIM)`."""
    draw = np.random.default_rng(0)
    gender = np.where(np.arange(PEOPLE) % 2, 1.0, -1.0)
    return np.column_stack([gender, pitches() - 8.0, draw.normal(size=(PEOPLE, DIM - 2))])


def pitches() -> np.ndarray:
    """Of each person in semitones above 100 Hz, whatever the gender."""
    return 8.0 + np.random.default_rng(1).permutation(np.linspace(-2.0, 2.0, PEOPLE))


def recorded(voices: np.ndarray, seed: int, noise: float = 0.3) -> list[Measured]:
    """A recording of each of `voices (n, DIM)`; its pitch is that of its direction."""
    draw = np.random.default_rng(seed)
    rows = voices + noise * draw.normal(size=voices.shape) * np.array(
        [0.3, 0.3, *[1.0] * (DIM - 2)]
    )
    hertz = [np.full(50, 100.0 * 2.0 ** ((row[1] + 8.0) / 12.0)) for row in voices]
    return [Measured(2.0, {"encoder": unit(r)}, h) for r, h in zip(rows, hertz, strict=True)]


@pytest.fixture(scope="module")
def speech() -> Speech:
    """Systems: `clone` makes the person, `other` the next person of the same gender, `one` the same
    voice for all, `deep` the person with everybody's pitch and a mark of its own."""
    known = people()
    owner = np.repeat(np.arange(PEOPLE), SENTENCES)
    marked = known.copy()
    marked[:, 1], marked[:, 2] = 0.0, marked[:, 2] + 4.0
    made = {
        NATURAL: recorded(known[owner], 1),
        "clone": recorded(known[owner], 2),
        "other": recorded(known[(owner + 2) % PEOPLE], 3),
        "one": recorded(np.repeat(known[:1], len(owner), axis=0), 4),
        "deep": recorded(marked[owner], 5),
    }
    voices = [
        Voice(f"s{i}", *[Utterance(f"{i}-{k}", "x", f"s{i}", gender="fm"[i % 2]) for k in "ab"], ())
        for i in range(PEOPLE)
    ]
    characters = dict.fromkeys(made, np.full(len(owner), 30))
    return Speech(voices, owner, characters, recorded(known, 6), made)


@dataclass(frozen=True)
class Spoken(Utterance):
    """A second for each letter of what it says."""

    def waveform(self, *_: object) -> np.ndarray:
        return np.ones(16_000 * len(self.text), dtype=np.float32)


def letters(text: str, name: str) -> Spoken:
    return Spoken(name, "x", name, text=text)


def test_the_voice_s_words_and_those_of_the_source(caplog: pytest.LogCaptureFixture) -> None:
    """A conversion says the next person's words; a voice that a system cannot use goes."""
    voices = [
        Voice(
            f"s{i}", *[letters("abc", f"{i}{k}") for k in "ab"], (letters("x" * (i + 1), f"{i}"),)
        )
        for i in range(7)
    ]

    def speak(sentence: Sentence) -> np.ndarray:
        if sentence.text == "xx":
            raise DataError("enrolment", "other words", "a recording of 'abc'")
        return np.ones(16_000 * len(sentence.text), dtype=np.float32)

    systems = {"synthetic": speak, "converted": lambda sentence: sentence.source}
    measure = Instruments({"encoder": lambda waveforms: np.ones((len(waveforms), 2))})
    found = measure_voices(voices, systems, measure, 7, False, converters=["converted"])
    assert [v.speaker for v in found.voices] == ["s0", "s2", "s3", "s4", "s5", "s6"]
    assert "the voice s1 is left out: enrolment: found other words" in caplog.text
    assert found.owner.tolist() == [0, 1, 2, 3, 4, 5] == sorted(found.sounds)
    assert found.characters["synthetic"].tolist() == [1, 3, 4, 5, 6, 7]
    assert found.characters["converted"].tolist() == [2, 4, 5, 6, 7, 1]
    for rows, counts in zip(found.measured.values(), found.characters.values(), strict=True):
        np.testing.assert_allclose([row.seconds for row in rows], counts)
    with pytest.raises(DataError, match="4 of 5 voices"):
        measure_voices(voices[:5], systems, measure, progress=False)


def column(table: Mapping[str, Mapping[str, float]], name: str) -> dict[str, float]:
    return {row: values[name] for row, values in table.items() if name in values}


def test_identity(speech: Speech) -> None:
    found = identity(speech, "encoder")
    identified = column(found, "identified_percent")
    assert identified[NATURAL] == identified["clone"] == identified["deep"] == 100.0
    assert identified["other"] == 0.0
    assert identified["one"] == pytest.approx(100 / PEOPLE)
    own, other = column(found, "own"), column(found, "other")
    assert own["clone"] == pytest.approx(own[NATURAL], abs=0.02) and own["other"] < 0.3
    assert other["clone"] < 0.2 < own["clone"]
    # one voice for all: two voices are as near as two sentences
    assert found["one"]["between"] == pytest.approx(found["one"]["within"], abs=0.03)
    geometry, marks = column(found, "cka"), column(found, "told_apart_percent")
    assert geometry["clone"] > 0.9 > 0.7 > geometry["other"]
    assert marks["deep"] > 90 and abs(marks["clone"] - 50) < 20
    assert NATURAL not in marks


def test_traits(speech: Speech) -> None:
    found = traits(speech, "encoder")
    assert set(found) == {"gender", "pitch, semitones"}  # nobody speaks faster, or has a label
    gender, pitch = found["gender"], found["pitch, semitones"]
    for system in (NATURAL, "clone", "other", "deep"):
        assert gender[system] > 0.9, system
    assert gender["one"] == pytest.approx(0.5)
    assert pitch[NATURAL] > 0.8 and pitch["clone"] > 0.8
    assert pitch["clone_audio"] == pytest.approx(1.0) and f"{NATURAL}_audio" not in pitch
    assert abs(pitch["other"]) < 0.5 and abs(pitch["deep"]) < 0.6
    assert np.isnan(pitch["deep_audio"])  # everybody's: there is no correlation


def test_spoofing(speech: Speech) -> None:
    found = spoofing(speech, "encoder", 0.5)
    accepted, deceived = (column(found, n) for n in ("accepted_percent", "spoofing_eer_percent"))
    assert accepted[NATURAL] == accepted["clone"] == 100.0 and accepted["other"] == 0.0
    assert deceived["clone"] == pytest.approx(50.0, abs=10.0) and deceived["other"] == 0.0
    assert found["clone"]["eer_percent"] == 0.0 and found["one"]["eer_percent"] > 30
    assert found["other"]["accepted_as_others_percent"] == pytest.approx(
        100 / (PEOPLE - 1), rel=0.2
    )
    at_eer = spoofing(speech, "encoder", None)[NATURAL]
    assert 0.2 < at_eer["threshold"] < 0.9 and at_eer["accepted_percent"] == 100.0


def test_the_page(speech: Speech, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    kept = {name: speech.measured[name] for name in (NATURAL, "clone")}
    few = replace(speech, measured=kept)
    findings = study(few, {"encoder": 0.5})
    write_voices_report(page, "Voices", few, findings, "tsne", {"data": "DATA"})
    text = page.read_text()
    for title in ("Identity", "On a plane", "Traits", "Spoofing"):
        assert f"<h2>{title}, by the encoder</h2>" in text
    assert "72 sentences in the voices of 24 people: clone, beside" in text
    assert text.count("<svg") >= 5
