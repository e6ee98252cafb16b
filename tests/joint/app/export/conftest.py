"""Exports of the tiny checkpoint, made once."""

from pathlib import Path

import pytest

from joint.app.api import SpeakerModel, load
from joint.app.export.export import export


@pytest.fixture(scope="session")
def tiny_loaded(tiny_checkpoint: Path) -> SpeakerModel:
    """Encoder, classifier and extractor of two steps."""
    return load(tiny_checkpoint, precision="float32")


@pytest.fixture(scope="session")
def exported(tiny_loaded: SpeakerModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with both parts as ONNX."""
    folder = tmp_path_factory.mktemp("exported")
    export(tiny_loaded, folder)
    return folder
