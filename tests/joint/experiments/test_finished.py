"""Finished runs of another recipe or test set are refused."""

import re
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from joint.data.corpus import Corpus, Utterance
from joint.errors import ConfigError, DataError
from joint.experiments.ablation import Run
from joint.experiments.finished import FOLDER, check_finished
from joint.experiments.statistics import EerChanges

LISTS = {FOLDER: "data/a", "trials": "0a", "mix2_extraction.csv": "0b"}


def run_of(folder: Path, minutes: float | None, later: Run | None = None, **more: Any) -> Run:
    text = {"trainer": {"max_minutes": minutes, "betas": [0.9, 0.98]}, "output": str(folder)}
    return Run("wide", 3, folder, OmegaConf.create(text | more), downstream=later)


def finish(run: Run, test: dict[str, str] | None = LISTS) -> None:
    run.folder.mkdir(parents=True, exist_ok=True)
    run.recipe.write_text(OmegaConf.to_yaml(run.config))
    run.write_figures({"eer_percent": 4.5}, test)


def test_another_recipe(tmp_path: Path) -> None:
    again = run_of(tmp_path, 30.0)
    check_finished(again, LISTS)  # nothing is finished
    finish(run_of(tmp_path, 4.0))
    check_finished(run_of(tmp_path, 4.0, output="elsewhere"), LISTS)
    message = f"{tmp_path}: trainer.max_minutes: found a finished run with 4.0; expected 30.0, or"
    with pytest.raises(ConfigError, match=re.escape(message) + r".* output="):
        check_finished(again, LISTS)
    with pytest.raises(ConfigError, match="init: found a finished run with nothing; expected x"):
        check_finished(run_of(tmp_path, 4.0, init="x"), LISTS)
    again.recipe.unlink()  # as of a run that was restored
    check_finished(again, LISTS)


def test_another_recipe_downstream(tmp_path: Path) -> None:
    before, now = (run_of(tmp_path / "downstream", minutes) for minutes in (4.0, 5.0))
    finish(before)
    check_finished(run_of(tmp_path, 4.0, before), LISTS)
    with pytest.raises(ConfigError, match=r"downstream: trainer\.max_minutes"):
        check_finished(run_of(tmp_path, 4.0, now), LISTS)


def test_a_path_may_be_spelled_otherwise(tmp_path: Path) -> None:
    finish(run_of(tmp_path, None, data={"train": "data/train"}))
    check_finished(run_of(tmp_path, None, data={"train": str(Path("data/train").absolute())}), {})
    with pytest.raises(ConfigError, match=r"data\.train"):
        check_finished(run_of(tmp_path, None, data={"train": "data/other"}), {})


def test_another_test_set(tmp_path: Path) -> None:
    run = run_of(tmp_path, 4.0)
    finish(run)
    # the same lists in another place, and a list that there was not
    check_finished(run, LISTS | {FOLDER: "data/b", "mix2_recognition.csv": "0c"})
    check_finished(run, {FOLDER: "data/a", "trials": "0a"})
    message = "test set: found a finished run with trials of data/a; expected trials of data/b"
    with pytest.raises(ConfigError, match=message):
        check_finished(run, LISTS | {FOLDER: "data/b", "trials": "1a"})
    (tmp_path / "test.json").unlink()  # as of a run that was restored
    check_finished(run, LISTS | {"trials": "1a"})


def test_scores_of_other_recordings(tmp_path: Path) -> None:
    scores = "label,utt1,utt2,score\n1,a,b,0.5\n0,a,c,0.1\n"
    corpus = Corpus([Utterance(name, f"{name}.wav", "s") for name in "ab"], "here")
    run = Run("wide", 3, tmp_path, OmegaConf.create(), baseline="plain")
    run.scores.write_text(scores)
    with pytest.raises(DataError, match=r"scores\.csv: found utterance c; expected those of here"):
        EerChanges(corpus).check([run])
