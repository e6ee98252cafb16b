"""The tiny checkpoint, loaded once."""

from pathlib import Path

import pytest

from joint.app.api import SpeakerModel, load


@pytest.fixture(scope="session")
def tiny_loaded(tiny_checkpoint: Path) -> SpeakerModel:
    """Encoder, classifier and extractor of two steps."""
    return load(tiny_checkpoint, precision="float32")
