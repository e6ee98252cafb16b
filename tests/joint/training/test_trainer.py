"""The training loop: bad steps, budgets, groups, averages, what it leaves behind."""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from support import TINY
from tiny_models import noise_batch, tiny_model
from torch import Tensor

from joint.errors import ConfigError, TrainingError
from joint.model import JointModel
from joint.scene import SceneBatch
from joint.training import checkpoint
from joint.training.building.model import load_model
from joint.training.config.schema import OptimizerConfig, TrainerConfig
from joint.training.distributed.fabric import Fabric
from joint.training.optimizers import MAIN, learning_rate
from joint.training.run import train
from joint.training.trainer import Trainer

BOTH = ["verification", "extraction"]
SHORT = TrainerConfig(
    max_steps=4, precision="float32", checkpoint_steps=2, log_every=1, max_bad_steps=3
)


class Batches:
    """A stream of noise whose batches `bad` are not numbers."""

    batch_size = 4

    def __init__(self, bad: tuple[int, ...] = ()) -> None:
        self.bad = bad

    def batches(self, start: int, workers: int) -> Iterator[SceneBatch]:
        for number in range(start, 100):
            batch = noise_batch(seed=number)
            assert batch.mixture is not None and batch.enrollment is not None
            if number in self.bad:
                batch.mixture[0, 100] = math.nan
                batch.enrollment[0, 0, 100] = math.nan
            yield batch


Make = Callable[..., Trainer]


@pytest.fixture
def trainer(tmp_path: Path) -> Make:
    """A trainer of the tiny model on noise."""

    def make(
        stream: Any = None, model: JointModel | None = None, config: TrainerConfig = SHORT
    ) -> Trainer:
        fabric = Fabric(accelerator="cpu", devices=1)
        streams = {"noise": (stream or Batches(), BOTH, 1)}
        made = model or tiny_model()
        return Trainer(fabric, made, streams, OptimizerConfig(), config, tmp_path / "run", {}, 1)

    return make


def lines(trainer: Trainer) -> list[dict]:
    text = (trainer.output / "metrics.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def tensors(trainer: Trainer) -> dict[str, Tensor]:
    return {n: v.clone() for n, v in trainer.model.state_dict().items()}


class TestBadSteps:
    """A loss that is no number is skipped and counted; several in a row end the training."""

    def test_skipped_and_counted(self, trainer: Make) -> None:
        made = trainer(Batches(bad=(1, 3)))
        made.fit()
        log = lines(made)
        assert [math.isfinite(line["loss"]) for line in log] == [True, False, True, False]
        assert [line["skipped_steps"] for line in log] == [0, 1, 1, 2]
        assert all(v.isfinite().all() for v in tensors(made).values())

    def test_it_leaves_nothing_behind(self, trainer: Make) -> None:
        made = trainer(Batches(bad=(0,)), config=replace(SHORT, max_steps=1))
        before = tensors(made)
        made.fit()
        assert all(torch.equal(v, before[n]) for n, v in tensors(made).items())
        assert not made.optimizers[MAIN].state

    def test_several_in_a_row_end_the_training(self, trainer: Make) -> None:
        made = trainer(Batches(bad=(0, 2, 3, 4)), config=replace(SHORT, max_steps=9))
        with pytest.raises(TrainingError, match="step 4: found 3 non-finite losses in a row"):
            made.fit()
        assert made.checkpoints()  # the good ones stay

    def test_nothing_learns(self, trainer: Make) -> None:
        with pytest.raises(ConfigError, match="nothing to train"):
            trainer(model=tiny_model(dict.fromkeys(BOTH, 0.0))).fit()


def test_a_task_that_the_stream_cannot_feed(trainer: Make) -> None:
    class NoMixtures(Batches):
        def batches(self, start: int, workers: int) -> Iterator[SceneBatch]:
            while True:
                yield noise_batch(mixture=None)

    with pytest.raises(ConfigError, match=r"streams\.noise.*mixture"):
        trainer(NoMixtures()).fit()


def test_what_is_left_behind(trainer: Make) -> None:
    made = trainer(config=replace(SHORT, max_steps=7))
    final = made.fit()
    assert final == made.output / "model.safetensors"
    steps = ["step-00000006.safetensors", "step-00000007.safetensors"]
    assert [path.name for path in made.checkpoints()] == steps
    stored, metadata = checkpoint.read(final)
    assert all(torch.equal(stored[f"model/{n}"], v) for n, v in tensors(made).items())
    assert not any(name.startswith("optimizer") for name in stored)
    assert metadata["trained"]["steps"] == 7 and metadata["trained"]["scenes"] == 28
    assert [line["step"] for line in lines(made)] == [1, 2, 3, 4, 5, 6, 7]
    assert list((made.output / "tensorboard").iterdir())


def test_the_last_checkpoints_are_averaged(trainer: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("joint.training.trainer.AVERAGED_FROM", 0.0)
    made = trainer(config=replace(SHORT, max_steps=6, average_last=3))
    final = checkpoint.read(made.fit())[0]
    paths = made.checkpoints()
    assert len(paths) == 3
    parts = [checkpoint.read(path)[0] for path in paths]
    for name, value in final.items():
        last = parts[-1][name]
        if last.is_floating_point():
            last = torch.stack([part[name] for part in parts]).double().mean(0).float()
        torch.testing.assert_close(value, last)


def test_weights_on_the_way_are_not_averaged(trainer: Make) -> None:
    made = trainer(config=replace(SHORT, max_steps=6, average_last=3))
    stored = checkpoint.read(made.fit())[0]
    assert len(made.checkpoints()) == 3
    assert all(torch.equal(stored[f"model/{n}"], v) for n, v in tensors(made).items())


def test_a_budget_in_minutes_ends(trainer: Make) -> None:
    made = trainer(config=replace(SHORT, max_steps=None, max_minutes=1e-4))
    made.fit()
    assert made.step >= 1 and made.progress() == 1.0


def test_accumulation_draws_and_averages(trainer: Make) -> None:
    made = trainer(config=replace(SHORT, max_steps=2, accumulate=3))
    made.fit()
    assert made.scenes == 2 * 3 * 4 and made._drawn(1) == 6 and made._drawn(2) == 3


def test_the_rate_rises_and_falls() -> None:
    config = OptimizerConfig(lr=2.0, warmup_share=0.1, final_share=0.01)
    rates = [learning_rate(config, p) for p in (0.0, 0.05, 0.1, 0.55, 1.0)]
    assert rates == pytest.approx([0.002, 1.0, 2.0, 1.01, 0.02])
    assert learning_rate(replace(config, warmup_share=0.0), 0.0) == 2.0


class TestRecipe:
    """The tiny recipe from its file to a model."""

    def test_the_final_model_is_loadable(self, tiny_checkpoint: Path) -> None:
        model, metadata = load_model(tiny_checkpoint)
        assert not model.training and metadata["name"] == "tiny"
        assert metadata["speaker_count"] == 3 * 36
        assert metadata["data"]["speakers"] == 36 and metadata["data"]["utterances"] == 396
        stored = checkpoint.read(tiny_checkpoint)[0]
        assert all(torch.equal(stored[f"model/{n}"], v) for n, v in model.state_dict().items())

    def test_validation_is_logged_and_kept(
        self, prepared: Path, tiny_overrides: list[str], tmp_path: Path
    ) -> None:
        overrides = [
            *tiny_overrides,
            f"output={tmp_path / 'run'}",
            f"data.validation={prepared / 'test'}",
            "trainer.max_steps=1",
            "validation.tasks=[verification,extraction]",
            "validation.batches=1",
            "validation.batch_size=12",
            "validation.scenes.chunk=0.5",
            "validation.scenes.enrollment=0.5",
        ]
        _, metadata = checkpoint.read(train(TINY, overrides))
        text = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
        assert json.loads(text[-1])["validation"] == metadata["validation"]
        assert set(metadata["validation"]) == {
            "verification/eer_percent",
            "verification/threshold",
            "extraction/si_sdr_improvement_db",
            "extraction/si_sdr_improvement_median_db",
            "extraction/wrong_speaker_share",
        }

    def test_a_training_is_not_overwritten(
        self, tiny_checkpoint: Path, tiny_overrides: list[str]
    ) -> None:
        with pytest.raises(ConfigError, match="--resume"):
            train(TINY, [*tiny_overrides, f"output={tiny_checkpoint.parent}"])
