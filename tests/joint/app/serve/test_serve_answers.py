"""What the service answers is what the Python interface gives."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile

from joint.app.api import SpeakerModel, load
from joint.app.serve.answering import Service

Ask = Callable[..., httpx.Response]


def answered(response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def test_verify_and_embed(
    service: Service, shipped: SpeakerModel, ask: Ask, recordings: list[Path]
) -> None:
    first, second, other, _ = recordings
    expected = shipped.verify(first, other)
    found = answered(ask(service, "/verify", first=first, second=other))
    assert found == {**vars(expected), "warnings": []}
    assert not answered(ask(service, "/verify", first=first, second=second, threshold=1.0))["same"]
    found = answered(ask(service, "/embed", recordings=[first, other]))
    embeddings = np.array(found["embeddings"], dtype=np.float32)
    np.testing.assert_allclose(embeddings, shipped.embed([first, other]), rtol=1e-5, atol=1e-5)
    assert found["encoder"] == shipped.identity.fingerprint and found["dimension"] == 192


def test_identify_reads_the_database(
    shipped: SpeakerModel, ask: Ask, database: Path, speakers: dict[str, list[Path]]
) -> None:
    served = Service(shipped, database)
    anna, _, stranger, *_ = speakers.values()
    found = answered(ask(served, "/identify", recording=anna[0]))
    assert found["speaker"] == "Anna" and found["candidates"][0]["name"] == "Anna"
    assert len(answered(ask(served, "/identify", recording=anna[0], top=1))["candidates"]) == 1
    found = answered(ask(served, "/identify", recording=stranger[0], threshold=0.99))
    assert found["speaker"] is None and found["threshold"] == 0.99


def test_extract(
    shipped: SpeakerModel, ask: Ask, database: Path, speakers: dict[str, list[Path]]
) -> None:
    anna, other, *_ = speakers.values()
    response = ask(Service(shipped), "/extract", mixture=anna[0], enrollment=[anna[1]])
    assert response.status_code == 200, response.text
    found, rate = soundfile.read(io.BytesIO(response.content))
    expected = shipped.extraction(anna[0], [anna[1]])
    assert rate == 16_000 and np.abs(found - expected.waveform).max() < 1e-3
    assert json.loads(response.headers["X-Present"]) is expected.present is True
    assert json.loads(response.headers["X-Presence"]) == pytest.approx(expected.presence, rel=1e-3)
    by_name = ask(Service(shipped, database), "/extract", mixture=other[0], name="Anna")
    assert json.loads(by_name.headers["X-Present"]) is False
    assert "not present" in json.loads(by_name.headers["X-Warnings"])[0]


def test_diarize_names_people(
    shipped: SpeakerModel, ask: Ask, database: Path, speakers: dict[str, list[Path]]
) -> None:
    anna = next(iter(speakers.values()))[0]
    (turn,) = answered(ask(Service(shipped, database), "/diarize", recording=anna))["turns"]
    (expected,) = shipped.diarize(anna)
    assert turn["speaker"] == "Anna" and turn["start"] == round(expected.start / 16_000, 3)
    (turn,) = answered(ask(Service(shipped), "/diarize", recording=anna, speakers=1))["turns"]
    assert turn["speaker"] == "speaker1" and turn["end"] == round(expected.end / 16_000, 3)
    (turn,) = answered(ask(Service(shipped), "/diarize", recording=anna, pipeline="powerset"))[
        "turns"
    ]
    assert turn["speaker"] == "speaker1" and turn["end"] <= round(expected.end / 16_000, 3) + 0.5
    before = load("speechocean762-librispeech-joint-base", tasks=("verification",))
    response = ask(Service(before), "/diarize", recording=anna, pipeline="powerset")
    assert response.status_code == 501 and "a segmentation task" in response.json()["error"]
    assert ask(Service(shipped), "/diarize", recording=anna, pipeline="x").status_code == 422


def test_transcribe(
    recogniser: Path, ask: Ask, recordings: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    served = Service(load(recogniser))
    one, other, *_ = recordings
    given: list[tuple[Any, ...]] = []

    def words(*arguments: Any) -> list[list[str]]:
        given.append(arguments)
        return [["A", "B"], ["C"]]

    monkeypatch.setattr(type(served.model), "transcribe", lambda _, *rest: words(*rest))
    found = answered(ask(served, "/transcribe", recording=one, mode="simo"))
    assert found["words"] == {"speaker1": "A B", "speaker2": "C"} and found["turns"] is None
    people = [one, other]
    found = answered(ask(served, "/transcribe", recording=one, enrollment=people))
    assert found["words"] == {one.stem: "A B", other.stem: "C"}
    assert [len(arguments[1]) for arguments in given] == [0, 2]
    found = answered(ask(served, "/transcribe", recording=one, mode="simo", turns=True))
    assert found["turns"] is not None
    refused = ask(served, "/transcribe", recording=one, enrollment=[other, other])
    assert refused.status_code == 422 and "two files of the same name" in refused.json()["error"]
    refused = ask(served, "/transcribe", recording=one)
    assert refused.status_code == 501 and "simo" in refused.json()["error"]


def test_a_recording_that_cannot_be_judged_gives_a_warning(
    service: Service, ask: Ask, recordings: list[Path], tmp_path: Path
) -> None:
    path = tmp_path / "noise.wav"
    soundfile.write(path, np.random.default_rng(0).normal(size=32_000) / 100, 16_000)
    found = answered(ask(service, "/verify", first=path, second=recordings[0]))
    assert found["withheld"] == "no speech" and found["same"] is None
    assert found["warnings"][0].startswith("first noise.wav: ")
