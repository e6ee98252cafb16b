"""Commands with an exported encoder: the same embeddings and verdicts, without torch, and clear
refusals."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from support import Command, Refused

from joint.directions import unit

WITHOUT_TORCH = """
import sys
class Refusing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "torchaudio", "onnx", "onnxscript"):
            raise ImportError(f"{name} is not there")
sys.meta_path.insert(0, Refusing())
from joint.app.cli.main import main
main(sys.argv[1:])
"""


@pytest.fixture
def encoder(exported: Path) -> Path:
    """The tiny checkpoint's encoder as ONNX."""
    return exported / "encoder.onnx"


def vectors(path: Path) -> np.ndarray:
    with np.load(path) as archive:
        return unit(np.stack([archive[name] for name in archive]))


def without_torch(*words: object) -> None:
    """Run a command where torch cannot be imported."""
    command = [sys.executable, "-c", WITHOUT_TORCH, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_an_exported_encoder_needs_no_torch(
    encoder: Path,
    tiny_checkpoint: Path,
    recordings: list[Path],
    tmp_path: Path,
    joint_command: Command,
) -> None:
    assert (
        joint_command(
            "embed", *recordings, "--checkpoint", tiny_checkpoint, "--output", tmp_path / "t.npz"
        ).code
        == 0
    )
    without_torch("embed", *recordings, "--checkpoint", encoder, "--output", tmp_path / "o.npz")
    found = (vectors(tmp_path / "o.npz") * vectors(tmp_path / "t.npz")).sum(axis=1)
    assert (found > 0.999).all()  # torch may compute in bf16


def test_verdicts_of_an_exported_encoder_need_no_torch(
    encoder: Path,
    tiny_checkpoint: Path,
    recordings: list[Path],
    tmp_path: Path,
    joint_command: Command,
) -> None:
    database, found = tmp_path / "people", tmp_path / "found.json"
    for name, file in (("Anna", recordings[0]), ("Bert", recordings[2])):
        words = ("enroll", name, file, "--database", database, "--checkpoint", tiny_checkpoint)
        assert joint_command(*words).code == 0
    for words in (
        ("verify", *recordings[:2]),
        ("identify", recordings[1], "--database", database),
    ):
        given = (*words, "--threshold", 0.5, "--json", found)
        assert joint_command(*given, "--checkpoint", tiny_checkpoint).code == 0
        expected = json.loads(found.read_text())
        found.unlink()
        without_torch(*given, "--checkpoint", encoder, "--engine", "onnx")
        verdict = json.loads(found.read_text())
        # torch may compute in bf16
        assert verdict.pop("score") == pytest.approx(expected.pop("score"), abs=2e-3)
        assert verdict.pop("scores", {}) == pytest.approx(expected.pop("scores", {}), abs=2e-3)
        assert verdict == expected


def test_a_checkpoint_is_exported_once(
    tiny_checkpoint: Path,
    recordings: list[Path],
    tmp_path: Path,
    joint_command: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("JOINT_CACHE", str(tmp_path / "cache"))
    words = ["embed", *recordings, "--checkpoint", tiny_checkpoint, "--engine", "onnx", "--output"]
    assert joint_command(*words, tmp_path / "a.npz").code == 0
    assert [f.name for f in (tmp_path / "cache").rglob("*.onnx")] == ["encoder.onnx"]
    monkeypatch.setattr("joint.app.export.export.export", None)  # a second export would fail
    assert joint_command(*words, tmp_path / "b.npz").code == 0
    np.testing.assert_array_equal(vectors(tmp_path / "a.npz"), vectors(tmp_path / "b.npz"))


def test_other_files_are_refused(
    encoder: Path, recordings: list[Path], tmp_path: Path, refused: Refused
) -> None:
    def line(checkpoint: Path, engine: str = "auto") -> str:
        words = ["--checkpoint", checkpoint, "--engine", engine, "--output", tmp_path / "e.npz"]
        return refused("embed", recordings[0], *words)

    cut = tmp_path / "cut.onnx"
    cut.write_bytes(encoder.read_bytes()[:5000])
    assert f"{cut}: found no readable ONNX" in line(cut)
    assert "no file" in line(tmp_path / "none.onnx")
    other = tmp_path / "other.onnx"
    for key, value, expected in (
        ("format", '"joint-speaker-export/0"', "export the checkpoint again"),
        ("part", '"extractor"', "part 'extractor'"),
        ("format", "{", "metadata that are not JSON"),
    ):
        model = onnx.load(encoder)
        next(e for e in model.metadata_props if e.key == key).value = value
        onnx.save(model, other)
        assert expected in line(other)
    del model.metadata_props[:]
    onnx.save(model, other)
    assert "without this package's metadata" in line(other)
    assert "the exported encoder" in line(encoder, "torch")
    assert "auto or onnx or torch" in line(encoder, "tensorrt")
    assert not (tmp_path / "e.npz").exists()
