"""Trainings under `adapter`: the base stays, the task learns, resuming is exact."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from support import TINY
from tiny_models import learn, noise_batch, tiny_model
from torch import Tensor

import joint
from joint.adapters.bottleneck import Bottleneck
from joint.adapters.low_rank import LowRank
from joint.app.api import SpeakerModel
from joint.encoders.backbones.residual.repvgg import RepVgg
from joint.encoders.encoder import SpeakerEncoder
from joint.encoders.frontends.filterbank import Filterbank
from joint.encoders.pooling.statistics import StatisticsPooling
from joint.errors import ConfigError
from joint.model import JointModel
from joint.task import ENROLLMENT
from joint.training import checkpoint
from joint.training.building.initialisation import initialise_model
from joint.training.building.model import load_model
from joint.training.run import train
from joint.training.trainer import Trainer

BASE = "model/encoder."


def tensors_of(path: Path, prefix: str = "") -> dict[str, Tensor]:
    return {n: v for n, v in checkpoint.read(path)[0].items() if n.startswith(prefix)}


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[n], second[n]) for n in first)


def log(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def recipe(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny recipe, from a trained start: both tasks have adapters, one of each kind."""
    path = tmp_path_factory.mktemp("recipe") / "adapters.yaml"
    config = OmegaConf.load(TINY)
    config.init = [str(tiny_checkpoint)]
    config.tasks.verification.encoder = config.tasks.extraction.encoder = "adapter"
    config.tasks.extraction.adapter = {
        "_target_": "joint.adapters.bottleneck.Bottleneck",
        "_partial_": True,
        "layers": ["backbone.norms.*"],
        "width": 4,
    }
    OmegaConf.save(config, path)
    return path


@pytest.fixture(scope="module")
def whole(
    recipe: Path, tiny_overrides: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The checkpoint of a training that nothing stopped."""
    output = tmp_path_factory.mktemp("adapters") / "whole"
    return train(recipe, [*tiny_overrides, f"output={output}"])


def test_the_base_stays_and_the_adapters_learn(whole: Path, tiny_checkpoint: Path) -> None:
    assert same(tensors_of(whole, BASE), tensors_of(tiny_checkpoint, BASE))
    ups = {n: v for n, v in tensors_of(whole, "model/adapters.").items() if ".up." in n}
    assert len(ups) == 10 and all(v.abs().sum() > 0 for v in ups.values())
    last = tensors_of(whole.parent / "checkpoints" / "step-00000004.safetensors", "optimizer/")
    learnt = {name.removeprefix("optimizer/").split(".")[0] for name in last}
    assert learnt == {"tasks", "adapters"}


def test_killed_and_resumed(
    recipe: Path,
    whole: Path,
    tiny_overrides: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    step = Trainer._train_step

    def step_or_stop(trainer: Trainer, *arguments: Any) -> dict[str, float]:
        if trainer.step == 3:
            raise KeyboardInterrupt
        return step(trainer, *arguments)

    overrides = [*tiny_overrides, f"output={tmp_path}"]
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_train_step", step_or_stop)
        with pytest.raises(KeyboardInterrupt):
            train(recipe, overrides)
    resumed = train(recipe, overrides, resume=True)
    assert same(tensors_of(resumed), tensors_of(whole))
    keys = ("step", "loss", "verification/loss", "extraction/loss", "gradient_norm")
    lines = [[[line[k] for k in keys] for line in log(f)] for f in (tmp_path, whole.parent)]
    assert lines[0] == lines[1]


def test_the_loss_falls(recipe: Path, tiny_overrides: list[str], tmp_path: Path) -> None:
    """The extractor rests; a margin would rise with the steps."""
    overrides = [*tiny_overrides, f"output={tmp_path}", "tasks.extraction.weight=0"]
    overrides += ["trainer.max_steps=24", "optimizer.lr=0.01", "streams.mixtures.batch_size=6"]
    overrides += ["tasks.verification.task.criterion.margin=0.0"]
    trained = train(recipe, overrides)
    losses = [line["verification/loss"] for line in log(tmp_path)]
    assert np.mean(losses[-6:]) < 0.85 * np.mean(losses[:6])
    start = tensors_of(Path(OmegaConf.load(recipe).init[0]), BASE)
    assert same(tensors_of(trained, BASE), start)


def test_who_sees_the_adapter(whole: Path, tiny_checkpoint: Path) -> None:
    """Extraction does, embeddings are the encoder's own."""
    model, start = (joint.load(path, precision="float32") for path in (whole, tiny_checkpoint))
    noise = 0.1 * np.random.default_rng(0).standard_normal((2, 16_000)).astype(np.float32)
    assert np.array_equal(model.embed(list(noise)), start.embed(list(noise)))
    assert model.info()["tasks"] == {"verification": "adapter", "extraction": "adapter"}
    assert model.info()["parameters"]["extraction's adapter"] == 4 * 2 * (4 * 16 + 48)
    heard = model.estimate(*noise)
    adapter = model.model.adapter("extraction")
    assert isinstance(adapter, Bottleneck)
    with torch.no_grad():
        for up in adapter.up.parameters():
            up.zero_()
    assert not np.array_equal(model.estimate(*noise), heard)


def test_a_start_brings_its_adapters(whole: Path, tiny_checkpoint: Path) -> None:
    model, _ = load_model(whole)
    before = {n: v.clone() for n, v in model.adapters.state_dict().items()}
    heads = ["encoder", "verification", "extraction"]
    assert initialise_model(model, tiny_checkpoint) == heads
    assert same(dict(model.adapters.state_dict()), before)
    for adapter in model.adapters.values():
        learn(adapter)  # type: ignore[arg-type]
    taken = initialise_model(model, whole)
    assert taken == [*heads, "verification's adapter", "extraction's adapter"]
    assert same(dict(model.adapters.state_dict()), before)
    plain = tiny_model()
    assert plain.adapter("extraction") is None


@pytest.mark.parametrize(
    "changes, complaint",
    [
        (["encoder=frozen"], r"tasks\.extraction\.adapter: found an adapter"),
        (["adapter.width=0"], r"tasks\.extraction\.adapter\.width: found 0"),
        (["adapter.layers=[backbone.norm.1]"], r"adapter\.layers: found no .*backbone\.norms\.1"),
        (["adapter.widht=3"], r"tasks\.extraction\.adapter\.widht.*'width', perhaps"),
        (["adapter._target_=joint.adapters.low_rank.LowRank"], r"adapter\.layers|adapter\.width"),
        (["adapter._target_=joint.layers.grouped.GroupedLinear"], r"tasks\.extraction\.adapter"),
    ],
    ids=["another switch", "a size", "a layer", "a key", "a key of another", "no adapter"],
)
def test_refused(
    recipe: Path, tiny_overrides: list[str], tmp_path: Path, changes: list[str], complaint: str
) -> None:
    keys = [f"tasks.extraction.{change}" for change in changes]
    with pytest.raises(ConfigError, match=complaint):
        train(recipe, [*tiny_overrides, *keys, f"output={tmp_path / 'run'}"])
    assert not (tmp_path / "run").exists()


class SmallRepVgg(RepVgg):
    """A block a stage."""

    depths, widths = (1, 1, 1, 1), (4, 4, 4, 4)


def test_a_backbone_that_folds() -> None:
    """Its branches are what the adapter is for."""
    torch.manual_seed(0)
    encoder = SpeakerEncoder(Filterbank(24), SmallRepVgg(24), StatisticsPooling, 12)
    adapter = LowRank(encoder, rank=2)
    learn(adapter)
    tasks = dict(tiny_model().tasks)
    model = JointModel(encoder, tasks, {}, {"extraction": "adapter"}, {"extraction": adapter})
    batch = noise_batch()
    assert batch.enrollment is not None and batch.enrollment_lengths is not None
    expected = model.eval().view("extraction")(
        batch.enrollment, batch.enrollment_lengths, ENROLLMENT
    )
    loaded = SpeakerModel(model, {}, Path("repvgg"))
    found = loaded.model.view("extraction")(batch.enrollment, batch.enrollment_lengths, ENROLLMENT)
    assert torch.equal(found.embedding, expected.embedding)
