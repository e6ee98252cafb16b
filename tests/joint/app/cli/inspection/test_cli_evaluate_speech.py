"""`joint evaluate vocoder`, `synthesis` and `conversion` with small voices."""

import json
from pathlib import Path

import pytest
from support import Command, Refused

from joint.audio import read_audio
from joint.data.speech_pairs import CONVERSIONS, SENTENCES, SpeechPairs
from joint.metrics.speech.dnsmos import Dnsmos, DnsmosScores

LISTS = {"vocoder": SENTENCES, "synthesis": SENTENCES, "conversion": CONVERSIONS}
MADE = {"vocoder": "Griffin-Lim", "synthesis": "synthetic", "conversion": "converted"}


@pytest.fixture(autouse=True)
def quick_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNSMOS has a test of its own, and takes seconds."""
    monkeypatch.setattr(Dnsmos, "__call__", lambda self, waveform: DnsmosScores(1, 2, 3, 4))


@pytest.mark.parametrize("task", LISTS)
def test_figures_sounds_and_report(
    joint_command: Command,
    speaking_checkpoint: Path,
    prepared: Path,
    tmp_path: Path,
    task: str,
) -> None:
    test = prepared / "test"
    wavs, table, page = tmp_path / "wavs", tmp_path / "f.json", tmp_path / "r.html"
    common = ["evaluate", task, "--checkpoint", speaking_checkpoint, "--data", test]
    common += ["--sentences", test / LISTS[task], "--limit", 2, "--output", wavs]
    outcome = joint_command(
        *common, "--json", table, "--report", page, "--judge", speaking_checkpoint
    )
    assert outcome.code == 0, outcome
    figures = json.loads(table.read_text())
    systems = figures["by_system"]
    assert next(iter(systems)) == "natural" and MADE[task] in systems
    made = systems[MADE[task]]
    measure = {"vocoder": "own", "synthesis": "own", "conversion": "target"}[task]
    # the judge is the same encoder
    for system in systems.values():
        own, judged = (system[f"{e}_similarity_{measure}"] for e in ("encoder", "judge"))
        assert own == pytest.approx(judged, abs=1e-4)
    assert made["real_time_factor"] > 0 and made["wer_percent"] is None
    assert MADE[task] in outcome.out and "real_time_factor" in outcome.out
    rows = SpeechPairs.load(test / LISTS[task]).rows[:2]
    folder = wavs / MADE[task].replace(" ", "_")
    assert sorted(path.stem for path in folder.iterdir()) == [row.id for row in rows]
    read_audio(folder / f"{rows[0].id}.wav")
    html = page.read_text()
    assert html.count("<audio") == 2 * (len(systems) + 1) and rows[0].text.capitalize() in html


@pytest.mark.parametrize("task", ["synthesis", "conversion"])
def test_without_copies_and_without_dnsmos(
    joint_command: Command, speaking_checkpoint: Path, prepared: Path, tmp_path: Path, task: str
) -> None:
    test, table = prepared / "test", tmp_path / "f.json"
    common = ["evaluate", task, "--checkpoint", speaking_checkpoint, "--data", test]
    common += ["--sentences", test / LISTS[task], "--limit", 1, "--json", table]
    assert joint_command(*common, "--no-copies", "--dnsmos", "none").code == 0
    systems = json.loads(table.read_text())["by_system"]
    assert list(systems) == ["natural", MADE[task]]
    assert all(system["dnsmos_overall"] is None for system in systems.values())


def test_all_recordings_without_a_list(
    joint_command: Command, speaking_checkpoint: Path, prepared: Path
) -> None:
    outcome = joint_command(
        *("evaluate", "vocoder", "--checkpoint", speaking_checkpoint),
        *("--data", prepared / "test", "--limit", 1),
    )
    assert outcome.code == 0, outcome
    assert outcome.out.startswith("recordings          1\n")


def test_bad_input_is_one_line(
    refused: Refused, speaking_checkpoint: Path, tiny_checkpoint: Path, prepared: Path
) -> None:
    test = prepared / "test"
    voices = ("--checkpoint", speaking_checkpoint, "--data", test)
    sentences, conversions = test / SENTENCES, test / CONVERSIONS
    command = ("evaluate", "synthesis", *voices)
    assert "expected the same speaker" in refused(*command, "--sentences", conversions)
    assert "no such file" in refused(*command, "--sentences", test / "none.tsv").lower()
    assert "no column id" in refused(*command, "--sentences", test / "text")
    line = refused("evaluate", "conversion", *voices, "--sentences", sentences)
    assert "expected two speakers" in line
    listed = ("--sentences", sentences)
    assert "nothing: found no checkpoint" in refused(*command, *listed, "--judge", "nothing")
    steps = refused(*command, *listed, "--steps", 0)
    assert "--steps: found 0; expected a whole number, 1 to 100 steps" in steps
    assert "--top-p: found 0; expected 0.01 to 1" in refused(*command, *listed, "--top-p", 0)
    assert "no such folder" in refused(*command, *listed, "--dnsmos", test / "none")
    assert "expected faster-whisper:FOLDER" in refused(*command, *listed, "--recognizer", "x")
    other = ("--checkpoint", tiny_checkpoint, "--data", test, *listed)
    for task in ("vocoder", "synthesis"):
        line = refused("evaluate", task, *other)
        assert "found tasks verification, extraction" in line
    assert ".html" in refused(*command, *listed, "--report", "page.txt")
