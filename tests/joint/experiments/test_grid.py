"""Grids: a variant's recipe, what replaces what, and what is refused."""

from pathlib import Path

import pytest
from support import TINY

from joint.errors import CheckpointError, ConfigError
from joint.experiments.ablation import Grid, Run
from joint.training.config.schema import load_config

TEXT = """
recipe: {recipe}
output: {output}
seeds: [3, 4]
common: {{data.train: here, trainer.max_steps: 7}}
variants:
  plain:
  wide:
    encoder.backbone: {{_target_: joint.encoders.backbones.tdnn.XvectorTdnn, features: 40}}
    trainer.max_steps: 9
"""


@pytest.fixture
def grid(tmp_path: Path) -> Path:
    """A grid of two variants and two seeds on the tiny recipe."""
    path = tmp_path / "grid.yaml"
    path.write_text(TEXT.format(recipe=TINY, output=tmp_path / "out"))
    return path


def by_name(runs: list[Run]) -> dict[tuple[str, int], Run]:
    return {(run.variant, run.seed): run for run in runs}


def test_runs_are_recipes(grid: Path, tmp_path: Path) -> None:
    runs = by_name(Grid.load(grid).runs())
    assert list(runs) == [("plain", 3), ("wide", 3), ("plain", 4), ("wide", 4)]
    for run in runs.values():
        run.write_recipe()
    plain, wide = (load_config(runs[name, 4].recipe) for name in ("plain", "wide"))
    assert (plain.seed, plain.name, plain.data.train) == (4, "plain", "here")
    assert plain.output == str(tmp_path / "out" / "plain" / "seed4")
    assert plain.encoder["backbone"]["channels"] == 16
    # a node is replaced whole: the recipe's other arguments are gone
    assert set(wide.encoder["backbone"]) == {"_target_", "features"}
    assert (plain.trainer.max_steps, wide.trainer.max_steps) == (7, 9)


def test_overrides_come_between(grid: Path, tmp_path: Path) -> None:
    given = ["trainer.max_steps=8", f"output={tmp_path / 'other'}", "seeds=[5]"]
    runs = by_name(Grid.load(grid, given).runs(["wide", "plain"]))
    assert list(runs) == [("wide", 5), ("plain", 5)]
    steps = {name: run.config.trainer.max_steps for (name, _), run in runs.items()}
    assert steps == {"plain": 8, "wide": 9}
    assert runs["plain", 5].folder == tmp_path / "other" / "plain" / "seed5"


def test_classes_of_a_package_of_ones_own(
    grid: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "theirlab.py").write_text(
        "from joint.encoders.backbones.tdnn import XvectorTdnn\nclass Theirs(XvectorTdnn): pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    grid.write_text(
        grid.read_text().replace("joint.encoders.backbones.tdnn.XvectorTdnn", "theirlab.Theirs")
    )
    (allowed,) = Grid.load(grid, ["seeds=[1]"], ["theirlab"]).runs(["wide"])
    allowed.write_recipe()
    assert allowed.packages == ("theirlab",)
    with pytest.raises(ConfigError, match=r"encoder\.backbone\._target_.*--allow-package"):
        Grid.load(grid, ["seeds=[2]"]).runs(["wide"])[0].write_recipe()


def test_speech_may_be_left_out(grid: Path) -> None:
    grid.write_text(f"{grid.read_text()}\nspeech: {{sentences: 3, data: there}}\n")
    run, fewer, none = (
        Grid.load(grid, given).runs(["plain"])[0]
        for given in ([], ["speech.sentences=2"], ["speech=null"])
    )
    assert run.speech and fewer.speech
    assert (run.speech.sentences, fewer.speech.sentences) == (3, 2)
    assert none.speech is None


def test_a_half_trained_run_keeps_its_recipe(grid: Path) -> None:
    run = Grid.load(grid).runs()[0]
    run.write_recipe()
    (run.folder / "checkpoints").mkdir()
    run.write_recipe()
    assert run.started
    changed = Grid.load(grid, ["trainer.max_steps=6"]).runs()[0]
    with pytest.raises(ConfigError, match="a training of another recipe"):
        changed.write_recipe()
    assert load_config(run.recipe).trainer.max_steps == 7


def test_figures(grid: Path) -> None:
    run = Grid.load(grid).runs()[0]
    assert run.figures() is None
    run.write_figures({"eer_percent": 4.5})
    assert run.figures() == {"eer_percent": 4.5}


@pytest.mark.parametrize(
    "change, message",
    [
        (("seeds", "seed"), "found an unknown key; expected 'seeds', perhaps"),
        (("[3, 4]", "[]"), "found nothing to run"),
        (("[3, 4]", "[three]"), "seeds"),
        (("  plain:", "  a/b:"), "found a/b; expected names that folders can have"),
        (("variants:", "variants: ["), "keys and values in YAML"),
        (("trainer.max_steps: 7", "trainer.max_step: 7"), "max_steps"),
        (("encoder.backbone", "data.tapes"), "an unknown key"),
    ],
)
def test_bad_grids(grid: Path, change: tuple[str, str], message: str) -> None:
    grid.write_text(grid.read_text().replace(*change))
    with pytest.raises(ConfigError, match=message):
        for run in Grid.load(grid).runs():
            run.write_recipe()


def test_bad_names(grid: Path) -> None:
    with pytest.raises(ConfigError, match="found narrow; expected plain or wide"):
        Grid.load(grid).runs(["narrow"])
    with pytest.raises(ConfigError, match="no file"):
        Grid.load(grid.with_name("none.yaml"))
    grid.write_text(grid.read_text().replace(str(TINY), "absent.yaml"))
    with pytest.raises(ConfigError, match=r"absent\.yaml: found no file"):
        Grid.load(grid).runs()


MORE = """
recipe: {recipe}
output: {output}
baseline: plain
probe_layer: tdnn2
common: {{trainer.max_steps: 7}}
crossed_with:
  small: {{encoder.embedding_dim: 16}}
  large: {{encoder.embedding_dim: 48}}
variants:
  plain: {{}}
  heavy: {{tasks.verification.weight: 0.9}}
downstream:
  {{recipe: {recipe}, variants: [heavy], overrides: {{trainer.max_steps: 3, name: later}}}}
"""


def test_variants_across_entries_and_what_comes_then(tmp_path: Path) -> None:
    path = tmp_path / "grid.yaml"
    path.write_text(MORE.format(recipe=TINY, output=tmp_path / "out"))
    runs = by_name(Grid.load(path, ["data.train=here"]).runs())
    assert list(runs) == [(f"{e} {a}", 1) for e in ("small", "large") for a in ("plain", "heavy")]
    run = runs["large heavy", 1]
    assert run.config.encoder.embedding_dim == 48 and run.config.tasks.verification.weight == 0.9
    assert (run.baseline, run.probe_layer) == ("large plain", "tdnn2")
    assert runs["small plain", 1].downstream is None and run.downstream is not None
    run.write_recipe()
    later = load_config(run.downstream.recipe)
    assert later.encoder["embedding_dim"] == 48 and later.data.train == "here"
    assert later.init == [str(run.folder / "model.safetensors")]
    assert later.trainer.max_steps == 3 and later.output == str(run.folder / "downstream")


@pytest.mark.parametrize(
    "change, message",
    [("baseline: plain", "baseline"), ("variants: [heavy]", r"downstream\.variants")],
)
def test_variants_that_are_not_there(tmp_path: Path, change: str, message: str) -> None:
    path = tmp_path / "grid.yaml"
    wrong = change.replace("plain", "plane").replace("heavy", "heavier")
    path.write_text(MORE.format(recipe=TINY, output=tmp_path).replace(change, wrong))
    with pytest.raises(ConfigError, match=message):
        Grid.load(path)


def test_checkpoints_to_initialise_from_are_there(tmp_path: Path) -> None:
    path = tmp_path / "grid.yaml"
    parts = f"init_parts: {{tasks.extraction: {{checkpoint: {tmp_path}/far.st, part: x}}}}"
    text = MORE.format(recipe=TINY, output=tmp_path / "out").replace("name: later", parts)
    path.write_text(text)
    plain, heavy = Grid.load(path).runs()[:2]
    plain.check_initial()
    with pytest.raises(CheckpointError, match=r"far\.st: found no checkpoint"):
        heavy.check_initial()
    (tmp_path / "far.st").touch()
    heavy.check_initial()  # the run itself will write the other one
    path.write_text(text.replace("trainer.max_steps: 7", "init: [nowhere.st]"))
    with pytest.raises(CheckpointError, match=r"nowhere\.st"):
        Grid.load(path).runs()[0].check_initial()
