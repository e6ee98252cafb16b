"""What a checkpoint can judge: bounds in its metadata, findings, refused enrolments."""

import re
from typing import Any

import numpy as np
import pytest
from treated import clipped, stored_at, zeros

from joint.audio import AudioWarning
from joint.errors import AudioError, CheckpointError
from joint.inspection.domain import Domain, refuse_enrolment
from joint.inspection.reading import inspect_waveform


def flaws(domain: Domain, waveform: np.ndarray) -> list[str]:
    return [finding.flaw for finding in domain.findings(inspect_waveform(waveform, "x").properties)]


def test_clean_speech_is_within_the_default(sentences: list[np.ndarray]) -> None:
    assert [flaws(Domain.of({}), w) for w in sentences] == [[]] * len(sentences)


def test_what_lies_outside_is_named(sentences: list[np.ndarray]) -> None:
    voice, default = sentences[0], Domain.of({})
    assert flaws(default, stored_at(8000)(voice)) == ["narrow band"]
    assert flaws(default, zeros(0.3, before=False)(voice)) == ["digital silence"]
    assert flaws(default, clipped(0.1)(voice)) == ["clipped"]
    both = zeros(0.3, before=True)(stored_at(11_025)(voice))
    assert flaws(default, both) == ["narrow band", "digital silence"]
    assert flaws(default, np.full(16_000, 0.1)) == ["no speech"]


def test_metadata_widen_and_narrow(sentences: list[np.ndarray]) -> None:
    voice = sentences[0]
    wide = {"bandwidth_hertz": [3000, 8000], "zeros_share": [None, 0.5]}
    for waveform in (stored_at(8000)(voice), zeros(0.3, before=True)(voice)):
        assert flaws(Domain.of({"domain": wide}), waveform) == []
    strict = {"snr_db": [90, None], "speech_seconds": [30.0, None]}
    assert flaws(Domain.of({"domain": strict}), voice) == ["little speech", "noise"]


@pytest.mark.parametrize(
    ("domain", "found"),
    [
        ([1, 2], "domain [1, 2]"),
        ({"loudness": [0, 1]}, "domain.loudness"),
        ({"bandwidth_hertz": 8000}, "domain.bandwidth_hertz 8000"),
        ({"bandwidth_hertz": [8000, 3000]}, "[8000, 3000]"),
        ({"zeros_share": [None, "much"]}, "'much'"),
        ({"zeros_share": [None, float("nan")]}, "nan"),
        ({"zeros_share": [None, True]}, "True"),
    ],
)
def test_metadata_that_are_refused(domain: Any, found: str) -> None:
    with pytest.raises(CheckpointError, match=f"c.safetensors: found .*{re.escape(found)}"):
        Domain.of({"domain": domain}, "c.safetensors")


def test_one_warning_a_recording(sentences: list[np.ndarray]) -> None:
    bad = inspect_waveform(zeros(0.3, before=True)(stored_at(8000)(sentences[0])), "bad.wav")
    with pytest.warns(AudioWarning) as caught:
        Domain.of({}).warn(bad)
    (text,) = [str(warning.message) for warning in caught]
    assert re.fullmatch(
        r"bad\.wav: narrow band \(sound up to \d\.\d kHz; expected at least 6\.5 kHz\); "
        r"digital silence \(30 % of the recording; expected at most 2 %\)",
        text,
    ), text


def test_enrolments_without_enough_speech(sentences: list[np.ndarray]) -> None:
    for waveform in sentences:
        refuse_enrolment(inspect_waveform(waveform, "x"))
    voice, (region, *_) = sentences[1], inspect_waveform(sentences[1], "x").speech
    word = voice[region.start : region.start + 9600]
    with pytest.raises(AudioError, match=r"word: found 0\.\d\d s of speech; expected at least 1 s"):
        refuse_enrolment(inspect_waveform(word, "word"))
    refuse_enrolment(inspect_waveform(word, "word"), least=0.4)
    tone = 0.3 * np.sin(np.arange(32_000) * 0.17)
    with pytest.raises(AudioError, match=r"tone: found no speech \(a tone\)"):
        refuse_enrolment(inspect_waveform(tone, "tone"))
