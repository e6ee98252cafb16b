"""`joint units`: a codebook of a layer of the encoder, or of a network from a folder."""

from pathlib import Path

import pytest
from support import Command, Refused

from tasks.conversion.units import Codebook


def test_a_codebook_of_the_encoder(
    joint_command: Command, refused: Refused, tiny_checkpoint: Path, prepared: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out" / "units.safetensors"
    command = ("units", prepared / "train", "--checkpoint", tiny_checkpoint, "--output", output)
    line = refused(*command, "--layer", "block9")
    assert "layer: found block9; expected " in line and not output.parent.exists()
    found = joint_command(*command, "--layer", "tdnn4", "--count", 7, "--utterances", 3)
    assert (found.code, found.err) == (0, [])
    assert found.out.startswith(f"{output}: 7 units of tdnn4, from ")
    codebook = Codebook.load(output)
    assert codebook.layer == "tdnn4" and codebook.centroids.shape[0] == 7
    assert "expected .safetensors" in refused(*command[:-1], tmp_path / "u.npz", "--layer", "tdnn4")


def test_a_codebook_of_a_network(
    joint_command: Command, refused: Refused, prepared: Path, tmp_path: Path
) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.WavLMConfig(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=[8] * 7,
        num_conv_pos_embeddings=8,
        num_conv_pos_embedding_groups=2,
    )
    transformers.WavLMModel(config).save_pretrained(tmp_path / "network")
    output = tmp_path / "units.safetensors"
    command = ("units", prepared / "train", "--output", output, "--layer", "frontend_layer1")
    found = joint_command(
        *command, "--network", tmp_path / "network", "--count", 5, "--utterances", 2
    )
    assert found.code == 0, found.err
    codebook = Codebook.load(output)
    assert codebook.layer == "frontend_layer1" and codebook.centroids.shape == (5, 16)
    assert "no folder" in refused(*command, "--network", tmp_path / "no folder")
