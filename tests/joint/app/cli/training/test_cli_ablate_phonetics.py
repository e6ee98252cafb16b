"""`joint ablate` and `joint evaluate phonetics` on phonetic tasks."""

import json
import shutil
from pathlib import Path

import pytest
from support import ROOT, TINY, Command, Refused

GRID = """
recipe: {recipe}
output: {output}
baseline: baseline
probe_layer: tdnn2
common:
  data.train: {data}
  trainer.max_steps: 2
  validation: null
  encoder.backbone:
    {{_target_: joint.encoders.backbones.tdnn.XvectorTdnn, channels: 16, output_dim: 24}}
  tasks.frames.task.layer: tdnn2
  tasks.frame_adversary.task.layer: tdnn2
  data.cache: null
  streams.speakers.batch_size: 4
  tasks.verification.task.criterion: # as in the downstream recipe
    {{_target_: joint.losses.margin.AamSoftmax, _partial_: true}}
  trainer.workers: 0
variants:
  baseline: {{}}
  COMBINE: {{tasks.frames.weight: 0.3, tasks.segment_adversary.weight: 0.3}}
downstream:
  recipe: {downstream}
  variants: [COMBINE]
  overrides:
    trainer.max_steps: 1
    data.train: {data}
    streams.mixtures.scenes.speeds: [1.0, 0.9, 1.1, 0.8, 1.2]
"""
RECIPE = ROOT / "recipes" / "speechocean762" / "phonetic_heads.yaml"


@pytest.mark.usefixtures("in_this_process")
def test_ablate_and_evaluate(
    joint_command: Command, refused: Refused, aligned: Path, aligned_trials: Path, tmp_path: Path
) -> None:
    test_set = shutil.copytree(aligned_trials, tmp_path / "test")
    grid = tmp_path / "grid.yaml"
    grid.write_text(
        GRID.format(recipe=RECIPE, downstream=TINY, output=tmp_path / "out", data=aligned)
    )
    outcome = joint_command("ablate", grid, "--data", test_set)
    assert outcome.code == 0, outcome
    heading, _, baseline, combined = outcome.out.splitlines()[-4:]
    assert "phones of frames %" in heading and "EER against baseline" in heading
    assert baseline.startswith("| baseline |") and baseline.endswith("| – |")
    assert "[" in combined.split("|")[-2]
    assert (tmp_path / "out" / "table.svg").is_file()
    assert (tmp_path / "out" / "COMBINE" / "seed1" / "downstream" / "figures.json").is_file()

    checkpoint = tmp_path / "out" / "COMBINE" / "seed1"
    common = ("evaluate", "phonetics", "--checkpoint", checkpoint, "--data")
    figures = joint_command(*common, test_set, "--json", tmp_path / "phones.json")
    assert figures.code == 0 and "spoken_accuracy_percent" in figures.out
    found = json.loads((tmp_path / "phones.json").read_text())
    assert 0 <= found["spoken_accuracy_percent"] <= 100 and found["by_group"]["SIL"]["frames"] > 100
    assert "frames" in refused(*common, test_set, "--task", "segments")
    other = tmp_path / "out" / "baseline" / "seed1"
    assert "no frame-level" in refused(
        "evaluate", "phonetics", "--checkpoint", other, "--data", test_set
    )
    inventory = (test_set / "phones.txt").read_text()
    (test_set / "phones.txt").write_text(inventory + "QX\n")
    assert "40 phones" in refused(*common, test_set)
    (test_set / "phones.txt").unlink()
    assert "joint align" in refused(*common, test_set)
    assert "joint align" in refused("ablate", grid, "--data", test_set)
