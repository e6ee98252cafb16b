"""Recognisers and vocoders as files: checked when written, with their units and sizes inside."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from joint.app.api import load
from joint.app.export.export import export
from joint.audio import read_audio
from joint.task import ENROLLMENT


def opened(path: Path) -> tuple[onnxruntime.InferenceSession, dict[str, object]]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    stored = session.get_modelmeta().custom_metadata_map
    return session, {key: json.loads(value) for key, value in stored.items()}


def test_recognisers(recogniser: Path, recordings: list[Path], tmp_path: Path) -> None:
    model = load(recogniser, precision="float32")
    files = export(model, tmp_path, kinds=["recogniser"])
    assert [f.path.name for f in files] == ["recogniser-target.onnx", "recogniser-simo.onnx"]
    session, about = opened(files[0].path)
    head = model.model.task("target")
    assert about["mode"] == "target" and about["units"] == list(head.units.symbols)
    waveform, enrolled = (torch.from_numpy(read_audio(path))[None] for path in recordings[1:3])
    lengths, others = (torch.tensor([x.shape[1]]) for x in (waveform, enrolled))
    named = ("waveform", "lengths", "enrollment", "enrollment_lengths")
    given = (waveform, lengths, enrolled, others)
    inputs = {name: x.numpy() for name, x in zip(named, given, strict=True)}
    scores, frames = session.run(["log_probabilities", "frames"], inputs)
    view = model.model.view("target")
    with torch.no_grad():
        people = view(enrolled, others, ENROLLMENT)
        (expected,) = head.posteriors(view, waveform, lengths, people)
    assert frames.tolist() == expected.frames.tolist()
    np.testing.assert_allclose(scores[:, 0], expected.log_probabilities, atol=1e-3)
    assert opened(files[1].path)[0].get_outputs()[0].shape[1] == 2  # an output for each of two


def test_vocoder(speaking_checkpoint: Path, recordings: list[Path], tmp_path: Path) -> None:
    model = load(speaking_checkpoint, precision="float32")
    (file,) = export(model, tmp_path, kinds=["vocoder"])
    session, about = opened(file.path)
    assert about["log_mel"] == {
        "window": 800,
        "hop": 200,
        "bands": 80,
        "scale": "htk",
        "floor": 1e-5,
    }
    vocoder = model.model.task("vocoder").vocoder
    with torch.no_grad():
        mel = vocoder.mel(torch.from_numpy(read_audio(recordings[2]))[None, :16_000])
        expected = vocoder.speak(mel).numpy()
    (found,) = session.run(["waveform"], {"log_mel": mel.numpy()})
    assert 10 * np.log10(np.square(expected).sum() / np.square(found - expected).sum()) > 50
