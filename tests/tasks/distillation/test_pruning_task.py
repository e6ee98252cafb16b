"""Pruning with distillation: to its share, near the teacher, then a smaller checkpoint."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_models import noise_batch

from joint.data.corpus import Corpus, Utterance
from joint.encoders.pruning import ungated_parameters
from joint.errors import CheckpointError, ConfigError
from joint.model import JointModel, StreamBatch
from joint.outputs import Layer
from joint.training import checkpoint
from joint.training.building.initialisation import initialise_part
from joint.training.building.model import Classes, build_model, load_model
from recipes.distillation.prune import prune
from tasks.distillation.pruning import PruningTask, relative_error

ECAPA = "joint.encoders.backbones.ecapa.EcapaTdnn"
GATED = "joint.encoders.backbones.gated_ecapa.GatedEcapaTdnn"
CORPUS = Corpus([Utterance("a", "a.wav", "someone")], "tiny")


def encoder_node(backbone: str, channels: int = 16) -> dict[str, Any]:
    sizes = {"features": 24, "channels": channels, "aggregated": 20, "scale": 4, "bottleneck": 8}
    pooling = "joint.encoders.pooling.statistics.AttentiveStatisticsPooling"
    return {
        "_target_": "joint.encoders.encoder.SpeakerEncoder",
        "embedding_dim": 12,
        "frontend": {"_target_": "joint.encoders.frontends.filterbank.Filterbank", "bins": 24},
        "backbone": {"_target_": backbone, **sizes},
        "pooling": {"_target_": pooling, "_partial_": True, "bottleneck": 6},
    }


def write(path: Path, encoder: dict[str, Any], model: JointModel | None = None) -> Path:
    """A checkpoint of the encoder alone."""
    made = model or build_model(encoder, {}, Classes(0))
    tensors = checkpoint.model_tensors(made.encoder)
    named = {n.replace("model/", "model/encoder."): v for n, v in tensors.items()}
    config = {"config": {"encoder": encoder, "tasks": {}}, "speaker_count": 0, "name": "tiny"}
    checkpoint.write(path, named, config)
    return path


def student(teacher: Path, **arguments: Any) -> tuple[JointModel, PruningTask]:
    node = {"_target_": "tasks.distillation.pruning.PruningTask", "teacher": str(teacher)}
    tasks = {"pruning": {"task": node | arguments, "weight": 1.0, "encoder": "joint"}}
    model = build_model(encoder_node(GATED), tasks, Classes(0))
    task = model.tasks["pruning"]
    assert isinstance(task, PruningTask)
    return model, task


def test_to_the_share_and_smaller(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Half of the parameters go, and the smaller checkpoint encodes alike."""
    torch.manual_seed(0)
    model, task = student(write(tmp_path / "teacher", encoder_node(ECAPA)), ramp=0.3)
    for part in ("backbone.input", "backbone.blocks", "pooling", "projection"):
        initialise_part(model, f"encoder.{part}", tmp_path / "teacher", f"encoder.{part}")
    task.setup(CORPUS)
    assert not any("teacher" in name for name in task.state_dict())
    gates = [p for n, p in model.named_parameters() if "log_alpha" in n] + [task.multipliers]
    with torch.no_grad():
        for gate in gates[:-1]:  # some are nearly shut already: the steps are few
            gate += 3.0 * torch.randn(gate.shape)
    others = [p for p in model.parameters() if not any(p is gate for gate in gates)]
    groups = [
        {"params": gates[:-1], "lr": 0.1},
        {"params": gates[-1:], "lr": 0.5},
        {"params": others, "lr": 3e-3},
    ]
    optimizer = torch.optim.Adam(groups)
    model.train()
    steps = 250
    figures: dict[str, float] = {}
    shares = []
    for step in range(steps):
        model.before_step(step / steps)
        batch = StreamBatch(noise_batch(2, step % 3, 1, 3200), ["pruning"])
        output = model([batch], step / steps)
        optimizer.zero_grad()
        output.loss.backward()
        optimizer.step()
        figures = output.metrics
        shares.append(figures["pruning/parameter_share"])
    assert min(shares) > 0.47 and shares[-1] == pytest.approx(0.5, abs=0.03)  # not far below it
    write(tmp_path / "gated", encoder_node(GATED), model)
    sizes = prune(str(tmp_path / "gated"), tmp_path / "small.safetensors")
    assert [size.split("=")[0].rpartition(".")[2] for size in sizes] == [
        "hidden",
        "bottleneck",
        "aggregated",
    ]
    small, _ = load_model(tmp_path / "small.safetensors")
    share = sum(p.numel() for p in small.encoder.parameters()) / ungated_parameters(model.encoder)
    assert share == pytest.approx(figures["pruning/parameter_share"], abs=0.1)
    printed = capsys.readouterr().out
    assert re.search(r"parameters \((\d+\.\d)%, expected (\d+\.\d)%\)", printed)
    waveform = 0.1 * torch.randn(2, 4000)
    with torch.no_grad():
        before, after = (m.eval().encoder(waveform).embedding for m in (model, small))
    torch.testing.assert_close(after, before, atol=1e-4, rtol=1e-3)


def test_gates_settle_in_the_end(tmp_path: Path) -> None:
    """In the last steps the student is what is left of it."""
    model, task = student(write(tmp_path / "teacher", encoder_node(ECAPA)))
    gate = model.get_submodule("encoder.backbone.gates.aggregated")
    with torch.no_grad():
        gate.get_parameter("log_alpha").normal_()
    model.train()
    task.before_step(model.encoder, 0.85)
    assert not torch.equal(gate(), gate())
    task.before_step(model.encoder, 0.95)
    settled = gate()
    assert torch.equal(settled, gate()) and int((settled > 0).sum()) < len(settled)
    assert model.encoder.training


def test_layers_are_compared_over_frames_that_count() -> None:
    aim = Layer(torch.tensor([[[3.0, 4.0, 7.0]]]), torch.tensor([[True, True, False]]), 160, 200)
    found = Layer(torch.tensor([[[3.0, 2.0, 0.0]]]), aim.mask, 160, 200)
    assert float(relative_error(found, aim)) == pytest.approx(4.0 / 25.0)


def test_bad_input(tmp_path: Path) -> None:
    other = write(tmp_path / "other", encoder_node(ECAPA, channels=32))
    _, task = student(other)
    with pytest.raises(ConfigError, match="block1: found 32 channels; expected 16, as here"):
        task.setup(CORPUS)
    with pytest.raises(ConfigError, match=r"encoder\.backbone: found EcapaTdnn"):
        plain = build_model(encoder_node(ECAPA), {}, Classes(0))
        task.before_step(plain.encoder, 0.0)
    with pytest.raises(ConfigError, match=r"share: found 1\.5; expected between 0 and 1"):
        student(other, share=1.5)
    with pytest.raises(ConfigError, match="block9"):
        student(other, layers=["block9"])
    with pytest.raises(ConfigError, match="layers: found none; expected one or more"):
        student(other, layers=[])
    with pytest.raises(CheckpointError, match="found EcapaTdnn; expected one with gates"):
        prune(str(other), tmp_path / "small.safetensors")
    assert not (tmp_path / "small.safetensors").exists()
