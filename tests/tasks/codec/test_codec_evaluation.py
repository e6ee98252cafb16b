"""`joint evaluate codec`: copies by fewer quantisers, and what is probed of each."""

import json
from pathlib import Path

import pytest
from support import Command, Refused

from joint.data.opening import open_corpus
from joint.data.speech_pairs import SENTENCES
from joint.metrics.speech.dnsmos import Dnsmos, DnsmosScores
from joint.training.run import train


@pytest.fixture(scope="module")
def checkpoint(aligned: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small codec after two steps."""
    output = tmp_path_factory.mktemp("codec") / "run"
    recipe = Path(__file__).with_name("tiny_codec.yaml")
    return train(recipe, [f"data.train={aligned}", f"output={output}"])


@pytest.fixture(scope="module")
def sentences(aligned: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One row of the aligned corpus."""
    own = open_corpus(aligned).utterances[:2]
    path = tmp_path_factory.mktemp("list") / SENTENCES
    path.write_text(f"id\ttext\tsource\treference\na\t{own[0].text}\t{own[0].id}\t{own[1].id}\n")
    return path


def test_copies_and_probes(
    joint_command: Command,
    checkpoint: Path,
    aligned: Path,
    sentences: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Dnsmos, "__call__", lambda self, waveform: DnsmosScores(1, 2, 3, 4))
    outcome = joint_command(
        *("evaluate", "codec", "--checkpoint", checkpoint, "--data", aligned, "--probe"),
        *("--sentences", sentences, "--json", tmp_path / "f.json", "--report", tmp_path / "r.html"),
    )
    assert outcome.code == 0, outcome
    figures = json.loads((tmp_path / "f.json").read_text())
    names = ["1 quantiser", "2 quantisers", "3 quantisers", "vocoder alone"]
    assert list(figures["by_system"]) == ["natural", *names]
    errors = {figures["by_system"][name]["mel_error"] for name in names}
    assert len(errors) == 4 and all(error > 0 for error in errors)
    held = figures["by_quantizer"]
    assert list(held) == ["1", "2", "3", "together"]
    for row in held.values():
        assert row.keys() == {"phones_percent", "speaker_percent"}
        assert all(0.0 <= value <= 100.0 for value in row.values())
    assert "phones percent" in outcome.out


def test_a_checkpoint_without_a_codec(
    refused: Refused, tiny_checkpoint: Path, aligned: Path, sentences: Path
) -> None:
    line = refused(
        *("evaluate", "codec", "--checkpoint", tiny_checkpoint, "--data", aligned),
        *("--sentences", sentences),
    )
    assert "found tasks verification, extraction; expected one with a codec task" in line
