"""What a recipe reads of other trainings, made up: targets, units, a codec, a language model."""

from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig, OmegaConf
from support import ROOT
from tiny_language_models import save_text_model

from joint.data.opening import open_corpus
from joint.training.building.objects import build
from joint.training.checkpoint import MODEL, write
from tasks.conversion.units import Codebook
from tasks.distillation.targets import Targets

SHIPPED = ROOT / "pretrained" / "speechocean762_librispeech_joint" / "model.safetensors"


def overrides_of(config: DictConfig, folder: Path, output: Path) -> list[str]:
    """The settings that name what a recipe's tasks read, made for the corpus in `folder` and kept
    in `output`; short sequences where their length is a test's time."""
    overrides = []
    if "distillation" in config.tasks:
        task = config.tasks.distillation.task
        if "teacher" in task:
            own = {"teacher": SHIPPED} | ({"space": "null"} if "space" in task else {})
        else:
            own = {"targets": any_targets(folder, config.encoder.embedding_dim, output)}
        overrides += [f"tasks.distillation.task.{name}={value}" for name, value in own.items()]
    if OmegaConf.select(config, "tasks.conversion.task.content.units"):
        overrides.append(f"tasks.conversion.task.content.units={any_units(config, output)}")
    if "tasks.codec_synthesis." in str(config.tasks):
        overrides += [f"tasks.synthesis.task.{name}=0.5" for name in ("stretch", "prompt")]
    if "audiolm" in config.tasks:
        source = save_text_model(output / "language_model")
        # pairs need two speakers with two recordings each
        overrides += [f"tasks.audiolm.task.source={source}", "streams.pairs.batch_size=4"]
    return overrides


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
