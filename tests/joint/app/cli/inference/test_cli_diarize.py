"""Diarize real speakers who take turns, with the shipped checkpoint."""

import sys
from pathlib import Path

import numpy as np
import pytest
from support import Command, Refused

from joint.app.shared.pipelines import PipelineChoice
from joint.audio import read_audio, write_audio
from joint.conversation.turns import Turn, read_turns
from joint.data.choices import Clustering
from joint.errors import DataError
from joint.inspection.speech import SileroSpeech
from tasks.diarization.evaluate import evaluate_diarization

pytestmark = pytest.mark.usefixtures("loaded_once")


@pytest.fixture(scope="module")
def speech(speakers: dict[str, list[Path]]) -> dict[str, list[Path]]:
    """Recordings of a boy and a woman who are not in the checkpoint's training."""
    names = list(speakers)
    return {name: speakers[name] for name in (names[0], names[-1])}


@pytest.fixture(scope="module")
def talk(speech: dict[str, list[Path]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three recordings of each speaker, alternating."""
    path = tmp_path_factory.mktemp("talk") / "talk.wav"
    pairs = zip(*speech.values(), strict=False)
    write_audio(
        path,
        np.concatenate(
            [read_audio(f) for _, pair in zip(range(3), pairs, strict=False) for f in pair]
        ),
    )
    return path


@pytest.fixture(scope="module")
def reference(speech: dict[str, list[Path]]) -> list[Turn]:
    """The speech in each recording belongs to its speaker."""
    find, turns, offset = SileroSpeech(), [], 0
    for number in range(3):
        for name, paths in speech.items():
            waveform = read_audio(paths[number])
            turns += [Turn(name, offset + s, offset + e) for s, e in find(waveform)]
            offset += len(waveform)
    return turns


def test_two_speakers(
    joint_command: Command, talk: Path, reference: list[Turn], tmp_path: Path
) -> None:
    output, picture = tmp_path / "talk.rttm", tmp_path / "talk.svg"
    common = ("diarize", talk, "--output", output)
    outcome = joint_command(*common, "--speakers", 2, "--picture", picture)
    assert outcome.code == 0 and not outcome.err, outcome
    assert outcome.out.startswith("talk: ") and "speaker2 " in outcome.out
    figures = evaluate_diarization({"talk": reference}, read_turns(output), collar=0.5)
    assert figures["der_percent"] < 10.0 and figures["number_right_percent"] == 100.0
    assert ">speaker1<" in picture.read_text()


def test_enrolled_speakers_get_their_names(
    joint_command: Command,
    talk: Path,
    speech: dict[str, list[Path]],
    reference: list[Turn],
    tmp_path: Path,
) -> None:
    database, output = tmp_path / "database", tmp_path / "talk.json"
    for name, paths in speech.items():
        assert joint_command("enroll", name, *paths[3:6], "--database", database).code == 0
    common = ("diarize", talk, "--database", database, "--output", output, "--speakers", 2)
    assert joint_command(*common).code == 0
    turns = read_turns(output)["talk"]
    assert {turn.speaker for turn in turns} == set(speech)
    first, last = turns[0], turns[-1]
    assert (first.speaker, last.speaker) == (reference[0].speaker, reference[-1].speaker)
    assert joint_command(*common, "--threshold", 1).code == 0
    assert {turn.speaker for turn in read_turns(output)["talk"]} == {"speaker1", "speaker2"}


def test_an_encoder_without_a_threshold(
    joint_command: Command,
    refused: Refused,
    talk: Path,
    tiny_checkpoint: Path,
    tmp_path: Path,
) -> None:
    """The shipped encoder's threshold found one speaker of two with another encoder."""
    output = tmp_path / "talk.rttm"
    common = ("diarize", talk, "--checkpoint", tiny_checkpoint, "--output", output)
    line = refused(*common)
    assert str(tiny_checkpoint) in line and "--speakers N or --cluster-threshold" in line
    assert "a cosine" in refused(*common, "--cluster-threshold", 2) and not output.exists()
    assert joint_command(*common, "--speakers", 2).code == 0
    assert {turn.speaker for turn in read_turns(output)["talk"]} == {"speaker1", "speaker2"}
    assert joint_command(*common, "--cluster-threshold", -1).code == 0
    assert {turn.speaker for turn in read_turns(output)["talk"]} == {"speaker1"}


def test_no_speech(joint_command: Command, tmp_path: Path) -> None:
    noise = 1e-3 * np.random.default_rng(0).normal(size=32_000).astype(np.float32)
    write_audio(tmp_path / "noise.wav", noise)
    outcome = joint_command("diarize", tmp_path / "noise.wav", "--output", tmp_path / "noise.stm")
    assert outcome.code == 0 and outcome.out == "noise: no turns\n"
    assert len(outcome.err) == 1 and "no speech" in outcome.err[0]
    assert (tmp_path / "noise.stm").read_text() == ""


def test_what_is_refused(refused: Refused, talk: Path, tmp_path: Path) -> None:
    output = tmp_path / "turns.rttm"
    common = ("diarize", talk)
    assert "ending '.txt'" in refused(*common, "--output", tmp_path / "turns.txt")
    assert ".png" in refused(*common, "--output", output, "--picture", tmp_path / "p.gif")
    assert "a cosine" in refused(*common, "--output", output, "--threshold", 2)
    assert "speaker database" in refused(
        *common, "--output", output, "--database", tmp_path / "none"
    )
    assert "two files of the same name" in refused(*common, talk, "--output", output)
    missing = refused(*common, tmp_path / "missing.wav", "--output", output)
    assert "missing.wav" in missing
    write_audio(tmp_path / "zero.wav", np.zeros(16_000, np.float32))
    assert "silence" in refused("diarize", tmp_path / "zero.wav", "--output", output)
    write_audio(tmp_path / "short.wav", np.full(1600, 0.1, np.float32))
    assert "0.3 s" in refused("diarize", tmp_path / "short.wav", "--output", output)
    assert not output.exists()


def test_vbx(
    joint_command: Command,
    embedded_corpus: Path,
    talk: Path,
    reference: list[Turn],
    tmp_path: Path,
) -> None:
    output = tmp_path / "talk.rttm"
    common = ("diarize", talk, "--output", output, "--clustering", "vbx")
    outcome = joint_command(*common, "--cohort", embedded_corpus / "train", "--speakers", 2)
    assert outcome.code == 0, outcome
    figures = evaluate_diarization({"talk": reference}, read_turns(output), collar=0.5)
    assert figures["der_percent"] < 10.0 and figures["number_right_percent"] == 100.0


@pytest.mark.parametrize(
    "options, found",
    [
        (("--clustering", "vbx"), "--clustering vbx: found no speakers to learn from"),
        (("--cohort", "CORPUS"), "--cohort: found --clustering spectral"),
        (("--clustering", "vbx", "--cohort", "nowhere"), "nowhere: found no folder"),
    ],
)
def test_vbx_without_speakers(
    options: tuple[str, ...], found: str, talk: Path, tmp_path: Path, refused: Refused
) -> None:
    output = tmp_path / "talk.rttm"
    assert found in refused("diarize", talk, "--output", output, *options)
    assert not output.exists()


def test_umap_is_looked_for_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(DataError, match="no package umap-learn"):
        PipelineChoice(clustering=Clustering.UMAP)
