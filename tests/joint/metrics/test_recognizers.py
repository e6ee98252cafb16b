"""How a recogniser is specified, and what is refused."""

import sys
from pathlib import Path

import pytest

from joint.errors import JointError
from joint.metrics.recognizers import load_recognizer, most_tokens


@pytest.mark.parametrize("specification", ["whisper:x", "faster-whisper", "faster-whisper:", ""])
def test_an_unknown_kind_lists_the_known_ones(specification: str):
    with pytest.raises(JointError, match="expected faster-whisper:FOLDER"):
        load_recognizer(specification)


def test_a_folder_without_a_model(tmp_path: Path):
    with pytest.raises(JointError, match=r"no model\.bin"):
        load_recognizer(f"faster-whisper:{tmp_path}")
    with pytest.raises(JointError, match="no such folder"):
        load_recognizer(f"faster-whisper:{tmp_path}/nowhere")


def test_the_extra_is_named_where_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "model.bin").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(JointError, match="the extra `recognition`"):
        load_recognizer(f"faster-whisper:{tmp_path}")


def test_a_model_that_cannot_be_read(tmp_path: Path):
    pytest.importorskip("faster_whisper")
    (tmp_path / "model.bin").write_bytes(b"no model")
    with pytest.raises(JointError, match="expected a Whisper model"):
        load_recognizer(f"faster-whisper:{tmp_path}")


def test_tokens_are_bounded_by_what_can_be_said():
    assert most_tokens(48_000) == 32
    # a window of Whisper has 30 s, and no more than 448 tokens
    assert most_tokens(29 * 16_000) < most_tokens(30 * 16_000) == most_tokens(3600 * 16_000) == 248
