"""What stands behind the buttons of the page, without a browser."""

import tempfile
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from joint.app.api import load
from joint.app.checkpoints import SHIPPED
from joint.app.web.tabs import (
    conversion,
    diarization,
    extraction,
    people,
    recognition,
    saliency,
    synthesis,
    verification,
)
from joint.audio import read_audio, write_audio
from joint.conversation.turns import read_turns
from joint.errors import AudioError, CheckpointError, ConfigError, DataError, JointError

if TYPE_CHECKING:
    from joint.app.web.examples import Examples
    from joint.app.web.service import Service


def test_verification(service: "Service", shipped: Any, examples: "Examples") -> None:
    first, second = map(str, examples.same)
    text, measured, pictures = verification.verify(service, shipped, first, second)
    assert text.startswith("score 0.") and " same, probability 0.9" in text
    assert "16000 Hz, 1 channel" in measured and pictures.count("data:image/jpeg") == 2
    man, boy = map(str, examples.different)
    assert " different, " in verification.verify(service, shipped, man, boy)[0]


def test_bad_recordings(
    service: "Service", strict: "Service", shipped: Any, examples: "Examples", text_file: str
) -> None:
    good = str(examples.same[0])
    for limits, path, found in (
        (service, None, "second recording: found nothing; expected a file"),
        (service, text_file, r"second recording \(letter.wav\): found .*; expected audio"),
        (
            strict,
            good,
            r"first recording \(man_1.ogg\): found 3.6 s of audio; expected at most 1 s",
        ),
    ):
        with pytest.raises(AudioError, match=found):
            verification.verify(limits, shipped, good, path)


def test_people_are_kept_on_disk(
    service: "Service", shipped: Any, examples: "Examples", text_file: str
) -> None:
    man, boy = examples.same[0], examples.different[1]
    with pytest.raises(DataError, match="no file; expected a speaker database"):
        people.identify(service, shipped, str(man))
    for name, path in (("Jean <b>", man), ("Paul", boy)):
        text, listed = people.enroll(service, shipped, f" {name} ", str(path), True)
        assert text.startswith(f"{name}: 1 recording, ")
    assert "Jean &lt;b&gt;" in listed and "<b>" not in listed
    again = people.enroll(service, shipped, "Paul", str(boy), True)[0]
    assert "note: left out, Paul is already enrolled" in again
    another = replace(service)  # as after a restart
    text, scores = people.identify(another, shipped, str(examples.same[1]))
    assert text.startswith("Jean <b>: score 0.") and "Paul" in scores
    # by name, from the audio that was kept
    text, _ = conversion.convert(another, shipped, str(boy), None, "Jean <b>")
    assert text.endswith("s of synthetic speech")
    with pytest.raises(AudioError, match="letter"):
        people.enroll(service, shipped, "Paul", text_file, False)
    with pytest.raises(DataError, match="name: found an empty string"):
        people.enroll(service, shipped, " ", str(man), False)


def test_two_browsers_delete_one_person(
    service: "Service", shipped: Any, examples: "Examples"
) -> None:
    people.enroll(service, shipped, "Jean", str(examples.same[0]), False)
    text, listed = people.forget(service, shipped, "Jean")
    assert text == "Jean: 1 recording removed" and "Jean" not in listed
    with pytest.raises(DataError, match="Jean: found no enrolled speaker of this name"):
        people.forget(service, shipped, "Jean")
    assert service.speakers() == {}


def test_extraction(service: "Service", shipped: Any, examples: "Examples") -> None:
    inputs = str(examples.mixture), str(examples.target), None
    text, speech, pictures = extraction.extract(service, shipped, *inputs, str(examples.reference))
    assert text.startswith("Present (score ")
    gain = float(text.rpartition("dB, +")[2].split(" dB")[0])
    assert gain > 5.0
    assert len(read_audio(speech)) == len(read_audio(examples.mixture))
    assert pictures.count("<img") == 3
    with pytest.raises(AudioError, match=r"reference \(boy_3.ogg\): found .* s of the mixture"):
        extraction.extract(service, shipped, *inputs, str(examples.different[1]))
    with pytest.raises(AudioError, match="the person's recording: found nothing"):
        extraction.extract(service, shipped, inputs[0], None, None, None)
    with pytest.raises(ConfigError, match="found a recording and a name; expected one of them"):
        extraction.extract(service, shipped, inputs[0], inputs[1], "Jean", None)


def test_who_speaks_when(service: "Service", shipped: Any, examples: "Examples") -> None:
    path = str(examples.conversation)
    people.enroll(service, shipped, "Jean", str(examples.same[0]), False)
    text, timeline, rttm = diarization.diarize(service, shipped, path, 0, True)
    assert "Jean " in text and "speaker1 " in text, text
    assert "data:image/png" in timeline and "<td>Jean</td>" in timeline
    assert rttm is not None and Path(rttm).name == "conversation.rttm"
    assert {turn.speaker for turn in read_turns(rttm)["conversation"]} == {"Jean", "speaker1"}
    assert "Jean" not in diarization.diarize(service, shipped, path, 2, False)[0]
    assert "speaker2 " in diarization.diarize(service, shipped, path, 2, False, "powerset")[0]
    before = load("speechocean762-librispeech-joint-base", tasks=("verification",))
    with pytest.raises(CheckpointError, match="segmentation"):
        diarization.diarize(service, before, path, 2, False, "powerset")


def test_voices(service: "Service", shipped: Any, examples: "Examples") -> None:
    inputs = str(examples.target), None, 1.0, 0.0
    text, speech = synthesis.synthesize(service, shipped, "Good morning.", *inputs)
    assert text.endswith("s of synthetic speech") and len(read_audio(speech)) > 8000
    assert b"Synthetic speech" in Path(speech).read_bytes()
    with pytest.raises(DataError, match="found 501 characters; expected at most 500"):
        synthesis.synthesize(service, shipped, "a" * 501, *inputs)
    source, target = map(str, examples.different)
    _, converted = conversion.convert(service, shipped, source, target, None)
    assert len(read_audio(converted)) == len(read_audio(source))


def test_transcription_needs_a_recogniser(
    service: "Service", shipped: Any, examples: "Examples", recogniser: Path
) -> None:
    from browsing import Stenographer

    from joint.app.api import load

    before = load("speechocean762-librispeech-joint-base", tasks=("verification",))
    reason = recognition.why_not(service, before)
    assert reason is not None and "`--recognizer faster-whisper:DIR`" in reason
    path = str(examples.same[0])
    outside = replace(service, recognizer=Stenographer())
    assert recognition.why_not(outside, before) is None
    chosen = recognition.recognisers(outside, shipped)
    assert chosen[1:] == recognition.recognisers(service, shipped) == ["recognition"]
    assert recognition.transcribe(outside, shipped, path, None, chosen[0]) == "3.6 seconds of words"
    own = load(recogniser)
    assert recognition.why_not(service, own) is None
    for name in recognition.recognisers(service, own):
        person = str(examples.target) if name == "target" else None
        assert isinstance(recognition.transcribe(service, own, path, person, name), str)
    with pytest.raises(ConfigError, match="choose it again"):
        recognition.transcribe(service, own, path, None, chosen[0])


def test_saliency(service: "Service", shipped: Any, examples: "Examples", tmp_path: Path) -> None:
    pair = []
    for number, path in enumerate(examples.same):
        short = tmp_path / f"{number}.wav"
        write_audio(short, read_audio(path)[8000:16000])
        pair.append(str(short))
    text, maps = saliency.explain(service, shipped, *pair)
    assert text.startswith("first recording: score 0.") and "second recording: " in text
    assert maps.count("data:image/png") == 2


def test_tabs_say_what_a_checkpoint_lacks(service: "Service") -> None:
    from joint.app.api import load

    small = load(SHIPPED, tasks=["verification", "vocoder"])
    reason = synthesis.why_not(service, small)
    assert reason == "This checkpoint has no task of synthesis; it has: verification, vocoder."
    assert synthesis.why_not(service, next(iter(service.models.values()))) is None


def test_answers_on_the_page(text_file: str, service: "Service", shipped: Any) -> None:
    """Warnings become notes, errors messages; neither shows the server's folders."""
    import gradio as gr

    from joint.app.web.answering import answered
    from joint.audio import AudioWarning

    folder = f"{tempfile.gettempdir()}/joint-web-1/2f3"

    def noted() -> tuple[str, int]:
        warnings.warn(f"{folder}/a b.wav: clipped", AudioWarning, stacklevel=1)
        return "fine", 1

    assert answered(noted)() == ("fine\nnote: a b.wav: clipped", 1)

    def refused() -> None:
        raise JointError(f"{folder}/a.wav", "noise", "speech")

    with pytest.raises(gr.Error, match=r"^.a\.wav: found noise; expected speech"):
        answered(refused)()

    def broken() -> None:
        raise ValueError("secret")

    with pytest.raises(gr.Error, match="Something went wrong on the server"):
        answered(broken)()
