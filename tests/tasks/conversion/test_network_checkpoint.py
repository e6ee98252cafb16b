"""A content on a self-supervised network from a folder: its checkpoint needs neither that folder
nor the codebook."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from support import ROOT

from joint.app.api import load
from joint.data.opening import open_corpus
from joint.training.run import train
from tasks.conversion.units import Codebook


def test_a_checkpoint_of_units_stands_alone(aligned: Path, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.WavLMConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=[8] * 7,
        num_conv_pos_embeddings=8,
        num_conv_pos_embedding_groups=2,
    )
    torch.manual_seed(0)
    transformers.WavLMModel(config).save_pretrained(tmp_path / "network")
    rng = np.random.default_rng(0)
    units = tmp_path / "units.safetensors"
    Codebook(rng.standard_normal((9, 16)).astype(np.float32), "frontend_layer1").save(units)
    recipe = OmegaConf.load(ROOT / "tests" / "speaking.yaml")
    content = {
        "_target_": "tasks.conversion.content.units.UnitContent",
        "_partial_": True,
        "units": str(units),
        "count": 9,
        "width": 8,
        "features": {
            "_target_": "tasks.conversion.content.features.NetworkLayer",
            "frontend": {
                "_target_": "joint.encoders.frontends.ssl.frontend.PretrainedFrontend",
                "source": str(tmp_path / "network"),
                "use": {
                    "_target_": "joint.encoders.frontends.ssl.layers.OneLayer",
                    "_partial_": True,
                    "layer": "frontend_layer1",
                },
            },
        },
    }
    recipe.tasks = {"conversion": recipe.tasks.conversion, "vocoder": recipe.tasks.vocoder}
    recipe.tasks.conversion.task.content = content
    recipe.streams.sentences.tasks = ["conversion", "vocoder"]
    OmegaConf.save(recipe, tmp_path / "recipe.yaml")
    overrides = [f"data.train={aligned}", f"output={tmp_path / 'run'}", "trainer.max_steps=1"]
    checkpoint = train(tmp_path / "recipe.yaml", overrides)
    shutil.rmtree(tmp_path / "network")
    units.unlink()
    corpus = open_corpus(aligned)
    source, target = (corpus.utterances[i].waveform() for i in (0, 9))
    made = load(checkpoint).convert(source, target)
    assert len(made) == len(source) and np.isfinite(made).all() and made.any()
