"""`joint evaluate diarization`: real speakers who take turns, with the shipped checkpoint."""

import json
from pathlib import Path

import numpy as np
import pytest
from pyannote.database.util import load_rttm, load_uem
from pyannote.metrics.diarization import DiarizationErrorRate, JaccardErrorRate
from support import Command, Refused

from joint.audio import read_audio, write_audio
from joint.conversation.turns import Turn, read_turns, write_turns
from joint.inspection.speech import SileroSpeech
from tasks.diarization.evaluate import PARTS

pytestmark = pytest.mark.usefixtures("loaded_once")


@pytest.fixture(scope="module")
def meetings(speakers: dict[str, list[Path]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two recordings of two speakers each, who alternate, with turns and regions for both."""
    folder, names, find = tmp_path_factory.mktemp("meetings"), list(speakers), SileroSpeech()
    turns: dict[str, list[Turn]] = {}
    lines = []
    for meeting, pair in (("one", (names[0], names[-1])), ("two", (names[1], names[-2]))):
        waveforms: list[np.ndarray] = []
        offset = 0
        for number in range(2):
            for who in pair:
                waveform = read_audio(speakers[who][number])
                spoken = [Turn(who, offset + a, offset + b) for a, b in find(waveform)]
                turns.setdefault(meeting, []).extend(spoken)
                waveforms.append(waveform)
                offset += len(waveform)
        write_audio(folder / f"{meeting}.wav", np.concatenate(waveforms))
        lines.append(f"{meeting} NA 1.000 {offset / 16_000 - 2:.3f}\n")
    write_turns(folder / "all.rttm", turns)
    (folder / "all.uem").write_text("".join(lines))
    return folder


def test_figures_are_those_of_pyannote(
    joint_command: Command, meetings: Path, tmp_path: Path
) -> None:
    found, result = tmp_path / "found.rttm", tmp_path / "der.json"
    options = ("--data", meetings, "--collar", 0.25, "--output", found, "--json", result)
    outcome = joint_command("evaluate", "diarization", *options)
    assert outcome.code == 0 and not outcome.err, outcome
    figures = json.loads(result.read_text())
    metrics = DiarizationErrorRate(collar=0.25), JaccardErrorRate(collar=0.25)
    hypothesis, regions = load_rttm(found), load_uem(meetings / "all.uem")
    for name, reference in load_rttm(meetings / "all.rttm").items():
        for metric in metrics:
            metric(reference, hypothesis[name], uem=regions[name])
        row = figures["by_recording"][name]
        assert row["der_percent"] == pytest.approx(
            100 * metrics[0].results_[-1][1]["diarization error rate"], abs=2e-3
        )
    errors, jaccard = metrics
    assert 0 < figures["der_percent"] == pytest.approx(100 * abs(errors), abs=2e-3)
    assert figures["jer_percent"] == pytest.approx(100 * abs(jaccard), abs=2e-3)
    for name, part in PARTS.items():
        assert figures[name] == pytest.approx(100 * errors[part] / errors["total"], abs=2e-3)
    assert list(figures["by_recording"]) == ["one", "two"]
    assert {"recording", "one", "two"} < {
        line.strip().split()[0] for line in outcome.out.splitlines() if line.strip()
    }


def test_number_and_speech_of_the_reference(
    joint_command: Command, meetings: Path, tmp_path: Path
) -> None:
    result, found = tmp_path / "der.json", tmp_path / "found.json"
    given = ("--speakers", "reference", "--segments", "reference", "--skip-overlap")
    options = ("--data", meetings, "--json", result, "--output", found)
    outcome = joint_command("evaluate", "diarization", *options, *given)
    assert outcome.code == 0, outcome
    figures = json.loads(result.read_text())
    assert figures["missed_percent"] == figures["false_alarm_percent"] == 0.0
    assert figures["der_percent"] == figures["confusion_percent"] < 15.0
    assert figures["number_right_percent"] == 100.0
    speech = {
        name: sum(t.end - t.start for t in turns) for name, turns in read_turns(found).items()
    }
    known = read_turns(meetings / "all.rttm")
    assert speech == {name: sum(t.end - t.start for t in turns) for name, turns in known.items()}


def test_what_is_refused(refused: Refused, meetings: Path, tmp_path: Path) -> None:
    output = tmp_path / "found.rttm"
    common = ("evaluate", "diarization", "--data", meetings, "--output", output)
    assert "'no one'" in refused(*common, "--speakers", "no one")
    assert "'0'" in refused(*common, "--speakers", 0)
    assert "collar" in refused(*common, "--collar", -1)
    assert "a cosine" in refused(*common, "--cluster-threshold", 2)
    assert "silero" in refused(*common, "--segments", "oracle")
    assert "ending" in refused(*common[:4], "--output", tmp_path / "found.txt")
    assert "--subset" in refused(*common, "--subset", "train")
    (tmp_path / "two.lst").write_text("two\nthree\n")
    assert "three" in refused(*common, "--list", tmp_path / "two.lst")
    (tmp_path / "found.uem").write_text("one 1 5\n")
    empty = ("evaluate", "diarization", "--data", tmp_path, "--output", output)
    assert "no RTTM file" in refused(*empty)
    (tmp_path / "x.rttm").write_text("SPEAKER one 1 0 1 <NA> <NA> A <NA> <NA>\n")
    assert "found.uem:1: found 3 fields" in refused(*empty)
    (tmp_path / "found.uem").unlink()
    assert "no audio of one" in refused(*empty)
    assert not output.exists()
