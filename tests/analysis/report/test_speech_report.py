"""The page of an evaluation of speech: tables, players and what was recognised."""

from pathlib import Path

import numpy as np
import pytest

from analysis.report.speech import write_speech_report
from joint.audio import read_audio
from joint.data.speech_pairs import SpeechPair
from joint.synthesis.evaluation.instruments import Measured
from joint.synthesis.evaluation.systems import Evaluation


@pytest.fixture(scope="module")
def recording(embedded_corpus: Path) -> np.ndarray:
    return read_audio(embedded_corpus / "WAVE" / "SPEAKER0005" / "000050003.ogg")


def test_a_player_for_every_sound(recording: np.ndarray, tmp_path: Path) -> None:
    rows = [SpeechPair(f"s{i}", f"TEXT {i}", f"u{i}", f"v{i}") for i in range(3)]
    measured = {
        name: [Measured(1.0, {}, transcript=f"{name} {i}") for i in range(3)]
        for name in ("natural", "made")
    }
    sounds = {"natural": recording, "reference": recording, "made": 0.5 * recording}
    found = Evaluation(rows, measured, sounds={"s0": sounds, "s2": sounds})
    figures = {
        "sentences": 3,
        "by_system": {
            "natural": {"wer_percent": 1.23456, "pesq": None, "stoi": None},
            "made": {"wer_percent": 10.0, "pesq": 3.5, "stoi": None},
        },
        "by_group": {"same gender": {"pairs": 2}},
    }
    path = tmp_path / "page.html"
    write_speech_report(path, "A title", "A text", figures, found)
    page = path.read_text()
    assert page.count("<audio") == 6 and "S0: " not in page
    assert "s2: Text 2" in page and "s1: Text 1" not in page
    assert "natural: “natural 2”; made: “made 2”" in page and "enrolled with v2" in page
    assert "<td>wer percent</td><td>1.235</td><td>10</td>" in page
    assert "<td>pesq</td><td>-</td><td>3.5</td>" in page and "stoi" not in page
    assert "<td>same gender</td><td>2</td>" in page and "sentences: 3" in page
