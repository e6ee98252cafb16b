"""Exported files give what the checkpoint gives, for any batch and length."""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from support import Command

from joint.app.api import SpeakerModel
from joint.app.engine.onnx import OnnxEncoder
from joint.app.export.export import export
from joint.app.export.quantising import error_percent, quantised
from joint.audio import read_audio
from joint.directions import unit


def session(path: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def padded(waveforms: list[np.ndarray]) -> dict[str, np.ndarray]:
    lengths = np.array([len(w) for w in waveforms])
    waveform = np.zeros((len(waveforms), lengths.max()), np.float32)
    for row, w in zip(waveform, waveforms, strict=True):
        row[: len(w)] = w
    return {"waveform": waveform, "lengths": lengths}


@pytest.fixture(scope="module")
def speech(recordings: list[Path]) -> list[np.ndarray]:
    return [read_audio(path) for path in recordings]


def test_embeddings_of_any_batch(
    exported: Path, tiny_loaded: SpeakerModel, speech: list[np.ndarray]
) -> None:
    ours, expected = session(exported / "encoder.onnx"), unit(tiny_loaded.embed(speech))
    (together,) = ours.run(["embedding"], padded(speech))
    alone = [ours.run(["embedding"], padded([one]))[0][0] for one in speech]
    for found in (together, np.stack(alone)):
        assert ((unit(found) * expected).sum(axis=1) > 0.99999).all()
    (short,) = ours.run(["embedding"], padded([speech[0][8000:13_000]]))
    assert unit(short[0]) @ unit(tiny_loaded.embed([speech[0][8000:13_000]])[0]) > 0.99999


def test_extracted_speech(
    exported: Path, tiny_loaded: SpeakerModel, speech: list[np.ndarray]
) -> None:
    ours = session(exported / "extractor.onnx")
    mixture = speech[0][:30_000] + speech[2][:30_000]
    enrolled = padded([speech[1]])
    inputs = {
        "mixture": mixture[None],
        "embedding": tiny_loaded.embed([speech[1]]),
        "enrollment": enrolled["waveform"],
        "enrollment_lengths": enrolled["lengths"],
    }
    assert {i.name for i in ours.get_inputs()} == set(inputs)
    (found,) = ours.run(["waveform"], inputs)
    expected = tiny_loaded.estimate(mixture, speech[1])
    noise = np.square(found[0] - expected).sum()
    assert 10 * np.log10(np.square(expected).sum() / noise) > 50


def test_metadata(exported: Path, tiny_loaded: SpeakerModel) -> None:
    stored = session(exported / "encoder.onnx").get_modelmeta().custom_metadata_map
    found = {key: json.loads(value) for key, value in stored.items()}
    assert found["part"] == "encoder" and found["sample_rate"] == 16_000
    assert found["fingerprint"] == tiny_loaded.identity.fingerprint
    assert found["inputs"] == {"waveform": ["batch", "samples"], "lengths": ["batch"]}
    assert found["embedding_dim"] == 32 and found["threshold"] is None
    content = (exported / "encoder.onnx").read_bytes()
    assert b".py" not in content  # no paths of the machine that exported


def test_torchscript(
    tiny_loaded: SpeakerModel, speech: list[np.ndarray], tmp_path: Path, joint_command: Command
) -> None:
    (file,) = export(tiny_loaded, tmp_path, "torchscript", ["encoder"])
    extra = {"metadata.json": ""}
    script = torch.jit.load(str(file.path), _extra_files=extra)
    assert json.loads(extra["metadata.json"])["part"] == "encoder"
    given = {name: torch.from_numpy(x) for name, x in padded(speech).items()}
    with torch.no_grad():
        found = unit(script(**given)[0].numpy())
    assert ((found * unit(tiny_loaded.embed(speech))).sum(axis=1) > 0.99999).all()


def test_8_bit_integers(exported: Path, speech: list[np.ndarray], tmp_path: Path) -> None:
    small = tmp_path / "encoder.int8.onnx"
    quantised(exported / "encoder.onnx", small, speech)
    whole = OnnxEncoder(exported / "encoder.onnx")
    found = (unit(OnnxEncoder(small).embed(speech)) * unit(whole.embed(speech))).sum(axis=1)
    assert (found > 0.97).all() and not (found > 0.9999999).all()
    assert 0 < error_percent(small) < 50
    written = onnx.load(small).graph.node
    made_by = {name: node.op_type for node in written for name in node.output}
    weighted = [n for n in written if n.op_type in ("Conv", "MatMul", "Gemm")]
    whole_numbers = [made_by.get(n.input[1]) == "DequantizeLinear" for n in weighted]
    # those in float32: two products of the front-end
    assert sum(whole_numbers) == len(weighted) - 2 > 5
