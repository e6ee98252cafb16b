"""Which figures of a grid's run are measured, and which are those of another run."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
import torch
from omegaconf import OmegaConf
from torch import nn

from joint.app.measuring import runs
from joint.experiments.ablation import Run
from joint.experiments.measures import MeasuresConfig
from joint.experiments.speech import SpeechConfig
from tasks.recognition.task import RecognitionTask

Asked = list[tuple[str, str | None]]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """What is measured: the kind of figures, and for recognition the task."""
    found: Asked = []

    def recognition(*given: object, task: str | None = None, **more: object) -> Any:
        found.append(("recognition", task))
        return {}, {}

    monkeypatch.setattr(runs, "run_recognition", recognition)
    for kind in ("encoder", "voice"):
        monkeypatch.setattr(
            runs, f"{kind}_figures", lambda *given, kind=kind: found.append((kind, None)) or {}
        )
    return found


def figures(folder: Path, tasks: dict[str, Any], speech: SpeechConfig | None = None) -> None:
    """Measure a run of a model with these tasks on the lists in `folder`."""
    model: Any = SimpleNamespace(
        identity=SimpleNamespace(fingerprint="0"),
        precision="float32",
        model=SimpleNamespace(tasks=tasks, parts=lambda name: [tasks[name]]),
    )
    test: Any = SimpleNamespace(
        corpus=SimpleNamespace(where=str(folder)),
        trials=SimpleNamespace(path=folder / "trials"),
        mixtures=None,
        conversations=folder / "mix2_recognition.csv",
    )
    run = Run("one", 1, folder / "one" / "seed1", OmegaConf.create(), speech=speech)
    runs.task_figures(model, run, test, MeasuresConfig(trials={"other": str(folder / "other")}))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "other").mkdir()
    for name in ("trials", "other/trials", "mix2_recognition.csv", "sentences.tsv"):
        (tmp_path / name).write_text("first\n")
    return tmp_path


def recogniser() -> Any:
    return Mock(spec=RecognitionTask, state_dict=dict)


def test_the_first_of_two_recognisers_is_measured(folder: Path, asked: Asked) -> None:
    figures(folder, {"simo": recogniser(), "target": recogniser()})
    assert asked == [("encoder", None), ("recognition", "simo")]


def test_lists_that_are_made_anew_are_measured_anew(folder: Path, asked: Asked) -> None:
    tasks, speech = {"simo": recogniser(), "synthesis": nn.Linear(2, 2)}, SpeechConfig()
    figures(folder, tasks, speech)
    assert len(asked) == 3
    for name, kind in {
        "trials": "encoder",
        "other/trials": "encoder",
        "mix2_recognition.csv": "recognition",
        "sentences.tsv": "voice",
    }.items():
        asked.clear()
        figures(folder, tasks, speech)
        assert not asked
        (folder / name).write_text("second\n")
        figures(folder, tasks, speech)
        assert [found for found, _ in asked] == [kind]


@pytest.mark.parametrize(("named", "again"), [(None, 1), ("griffin-lim", 0)])
def test_an_own_vocoder_counts_where_it_speaks(
    folder: Path, asked: Asked, named: str | None, again: int
) -> None:
    tasks, speech = {name: nn.Linear(2, 2) for name in ("synthesis", "vocoder")}, SpeechConfig()
    speech.vocoder = named
    figures(folder, tasks, speech)
    asked.clear()
    with torch.no_grad():
        tasks["vocoder"].weight += 1.0
    figures(folder, tasks, speech)
    assert len(asked) == again


def test_checkpoints_of_vocoder_and_judge_count(folder: Path, asked: Asked) -> None:
    speech = SpeechConfig(vocoder=str(folder / "v"), judge=str(folder / "j"))
    for name in "vj":
        (folder / name).mkdir()
        (folder / name / "model.safetensors").write_text("first")
    tasks = {"synthesis": nn.Linear(2, 2)}
    figures(folder, tasks, speech)
    for name in "vj":
        asked.clear()
        (folder / name / "model.safetensors").write_text("second")
        figures(folder, tasks, speech)
        assert asked == [("voice", None)]
