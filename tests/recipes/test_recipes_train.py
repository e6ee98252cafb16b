"""Each recipe trains two steps on the embedded corpus."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from omegaconf import DictConfig, OmegaConf
from support import RECIPES, ROOT, short
from tiny_language_models import save_text_model

from joint.data.opening import open_corpus
from joint.training.building.model import load_model
from joint.training.building.objects import build
from joint.training.checkpoint import MODEL, write
from joint.training.config.reading import composed
from joint.training.run import train
from tasks.conversion.units import Codebook
from tasks.distillation.targets import Targets

OF_PHONES = ("phonetics", "recognition", "synthesis", "conversion", "codec", "codec_synthesis")
"""Tasks that learn from an aligned corpus."""


def any_targets(folder: Path, dim: int, output: Path) -> Path:
    """Targets for all recordings of a prepared folder at the speeds that recipes have."""
    names, speeds = [u.id for u in open_corpus(folder).utterances], [0.8, 0.9, 1.0, 1.1, 1.2]
    rows = np.random.default_rng(0).standard_normal((len(speeds), len(names), dim))
    Targets(names, speeds, rows.astype(np.float32)).save(output / "targets.npz")
    return output / "targets.npz"


def any_units(config: DictConfig, output: Path) -> Path:
    """A codebook as large as the recipe's content asks for."""
    content = config.tasks.conversion.task.content
    size = content.count, config.encoder.backbone.channels
    units = np.random.default_rng(0).standard_normal(size).astype(np.float32)
    Codebook(units, content.features.layer).save(output / "units.safetensors")
    return output / "units.safetensors"


def codec_parts(node: Any, output: Path) -> dict[str, dict[str, str]]:
    """The `init_parts` of a codec whose codebooks are full, as the recipe's `node` has it."""
    codec = build(OmegaConf.to_container(node), "codec", ())
    for codebook in codec.quantizer.codebooks:
        codebook.vectors.normal_()
        codebook.use.fill_(1.0)
    prefix, path = "tasks.codec.codec", output / "codec.safetensors"
    tensors = {f"{MODEL}{prefix}.{name}": value for name, value in codec.state_dict().items()}
    write(path, tensors, {})
    return {"tasks.synthesis.codec": {"checkpoint": str(path), "part": prefix}}


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_two_steps(recipe: Path, prepared: Path, aligned: Path, tmp_path: Path) -> None:
    folders = prepared / "train", prepared / "test"
    config = composed(recipe)
    if any(f"tasks.{task}." in str(config.tasks) for task in OF_PHONES):
        folders = aligned, aligned
    config.pop("init_parts", None)
    tokens = "CodecSynthesisTask" in str(config.tasks)
    if tokens:
        config.init_parts = codec_parts(config.tasks.synthesis.task.codec, tmp_path)
    OmegaConf.save(config, tmp_path / "recipe.yaml")
    overrides = short(recipe, *folders, tmp_path / "run")
    if "distillation" in config.tasks and "teacher" in config.tasks.distillation.task:
        shipped = ROOT / "pretrained" / "speechocean762_librispeech_joint" / "model.safetensors"
        task = "tasks.distillation.task"
        overrides.append(f"{task}.teacher={shipped}")
        if "space" in config.tasks.distillation.task:
            overrides.append(f"{task}.space=null")
    elif "distillation" in config.tasks:
        targets = any_targets(folders[0], config.encoder.embedding_dim, tmp_path)
        overrides.append(f"tasks.distillation.task.targets={targets}")
    if recipe.parent.name == "domains":  # which name both of their corpora
        source, target = (f"{{path: {folder}}}" for folder in folders)
        overrides = [o for o in overrides if not o.startswith("data.train=")]
        overrides.append(f"data.train={{source: {source}, target: {target}}}")
    if OmegaConf.select(config, "tasks.conversion.task.content.units"):
        units = any_units(config, tmp_path)
        overrides.append(f"tasks.conversion.task.content.units={units}")
    if tokens:  # short sequences: their time is that of all of them
        overrides += [f"tasks.synthesis.task.{key}=0.5" for key in ("stretch", "prompt")]
    if "audiolm" in config.tasks:
        source = save_text_model(tmp_path / "language_model")
        # pairs need two speakers with two recordings each
        overrides += [f"tasks.audiolm.task.source={source}", "streams.pairs.batch_size=4"]
    checkpoint = train(tmp_path / "recipe.yaml", overrides)
    model, metadata = load_model(checkpoint)
    assert metadata["trained"]["steps"] == 2
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    last = json.loads(lines[-1])
    assert set(last["validation"]) and last["skipped_steps"] == 0
    assert {name.split("/")[0] for name in last["validation"]} <= set(model.tasks)
