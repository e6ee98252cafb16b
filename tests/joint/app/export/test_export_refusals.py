"""What cannot be exported is refused in one line, with nothing left behind."""

from pathlib import Path
from typing import Any

import pytest
import torch
from support import Refused
from torch import Tensor, nn

from joint.app.api import SpeakerModel, load
from joint.app.export.export import export
from joint.app.export.parts.encoder import EncoderPart
from joint.errors import CheckpointError, ConfigError


class AsManyAsLoud(nn.Module):
    """A layer whose output is as long as its values say."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, *inputs: Any) -> Tensor:
        """The layer's output, again and again."""
        found: Tensor = self.layer(*inputs)
        for _ in range(int(found.abs().max()) + 1):
            found = self.layer(*inputs)
        return found


def test_a_layer_is_named(
    tiny_loaded: SpeakerModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = tiny_loaded.model.encoder
    monkeypatch.setitem(encoder._modules, "pooling", AsManyAsLoud(encoder.pooling))
    with pytest.raises(CheckpointError, match=r"the layer encoder\.pooling \("):
        export(tiny_loaded, tmp_path / "out", kinds=["extractor", "encoder"])
    assert not (tmp_path / "out").exists()


def test_complex_numbers_without_a_real_form_are_named(
    tiny_loaded: SpeakerModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spectrum = tiny_loaded.model.task("extraction").extractor.spectrum
    inverse = spectrum.inverse
    with_angle = lambda x, n: inverse(x * torch.angle(x), n)  # noqa: E731
    monkeypatch.setattr(spectrum, "inverse", with_angle)
    with pytest.raises(CheckpointError, match=r"extraction\.extractor.*angle of complex numbers"):
        export(tiny_loaded, tmp_path, kinds=["extractor"])


def test_a_file_that_differs(
    tiny_loaded: SpeakerModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A front-end that computes otherwise in an export is noticed; the former file stays."""
    former = tmp_path / "encoder.pt"
    former.write_text("former")
    monkeypatch.setattr(EncoderPart, "agreement", lambda *_: 0.9)
    with pytest.raises(CheckpointError, match=r"a cosine of 0\.9 to torch; expected 0\.99999"):
        export(tiny_loaded, tmp_path, "torchscript", ["encoder"])
    assert former.read_text() == "former" and list(tmp_path.iterdir()) == [former]


def test_parts_and_formats(
    tiny_loaded: SpeakerModel, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    encoder_alone = load(tiny_checkpoint, tasks=())
    with pytest.raises(CheckpointError, match="one with an extractor"):
        export(encoder_alone, tmp_path, kinds=["extractor"])
    with pytest.raises(ConfigError, match="encoder or extractor or recogniser or vocoder"):
        export(tiny_loaded, tmp_path, kinds=["decoder"])
    with pytest.raises(ConfigError, match="onnx or torchscript"):
        export(tiny_loaded, tmp_path, "coreml")
    with pytest.raises(ConfigError, match="an encoder in the format onnx"):
        export(tiny_loaded, tmp_path, "torchscript", calibration=[])
    assert not list(tmp_path.iterdir())


def test_the_command_refuses(refused: Refused, tiny_checkpoint: Path, tmp_path: Path) -> None:
    assert "--int8" in refused("export", tiny_checkpoint, tmp_path, "--data", tmp_path)
    taken = tmp_path / "file"
    taken.write_text("")
    assert "which is not a folder" in refused("export", tiny_checkpoint, taken)
    assert "no checkpoint" in refused("export", tmp_path / "none.safetensors", tmp_path)
