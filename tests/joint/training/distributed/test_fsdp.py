"""Two processes that each hold a share of the model train it as two that hold all of it."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf
from processes import on_two
from support import TINY, Refused

from joint.training import checkpoint
from joint.training.run import train


def work(rank: int, recipe: str, overrides: list[str]) -> None:
    """A sharded training and the same with whole models, then the first again, interrupted."""
    # AdamW's first steps are the signs of gradients, which rounding decides where they are small
    same = [*overrides, "optimizer.kind=sgd", "optimizer.lr=0.01"]
    for strategy in ("ddp", "fsdp"):
        output = Path(recipe).parent / strategy
        train(Path(recipe), [*same, f"trainer.strategy={strategy}", f"output={output}"])
    output = Path(recipe).parent / "resumed"
    again = [*overrides, "trainer.strategy=fsdp", f"output={output}"]
    train(Path(recipe), [*again, "trainer.max_steps=2", "optimizer.final_share=1.0"])
    (output / "model.safetensors").unlink(missing_ok=True)
    train(Path(recipe), [*again, "optimizer.final_share=1.0"], resume=True)


@pytest.fixture(scope="module")
def runs(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fsdp")
    recipe = OmegaConf.load(TINY)
    recipe.encoder.frontend.pop("spec_augment")
    recipe.optimizer = {"lr": 1e-3, "warmup_share": 0.0}
    second = {"_target_": "tasks.extraction.objectives.second_pass.SecondPass", "probability": 0.5}
    recipe.tasks.extraction.task.second_pass = second  # both processes take it, or none
    scenes = {"chunk": 1.0, "enrollment": 1.0}
    held_out = {"tasks": ["extraction"], "batch_size": 2, "batches": 1, "scenes": scenes}
    recipe.validation = held_out
    OmegaConf.save(recipe, folder / "recipe.yaml")
    data = [f"data.train={prepared / 'train'}", f"data.validation={prepared / 'test'}"]
    on_two(work, str(folder / "recipe.yaml"), data)
    return folder


def test_the_weights_are_those_of_whole_models(runs: Path) -> None:
    whole, _ = checkpoint.read(runs / "ddp" / "model.safetensors")
    sharded, metadata = checkpoint.read(runs / "fsdp" / "model.safetensors")
    assert whole.keys() == sharded.keys()
    worst = {
        name: float((sharded[name] - value).abs().max() / value.abs().max().clamp(min=0.1))
        for name, value in whole.items()
        if value.is_floating_point() and "running" not in name  # those of a process's own batches
    }
    assert max(worst.values()) < 1e-3, sorted(worst.items(), key=lambda item: -item[1])[:5]
    assert metadata["validation"].keys() == {
        f"extraction/{figure}"
        for figure in (
            "si_sdr_improvement_db",
            "si_sdr_improvement_median_db",
            "wrong_speaker_share",
        )
    }


def test_it_resumes_with_its_moments(runs: Path) -> None:
    last, _ = checkpoint.read(sorted((runs / "resumed" / "checkpoints").iterdir())[-1])
    moments = [value for name, value in last.items() if name.endswith("/exp_avg")]
    assert moments and all(value.abs().max() > 0 for value in moments[:5])
    steps = {float(value) for name, value in last.items() if name.endswith("/step")}
    assert steps == {4.0}


def test_refuses(refused: Refused, tiny_overrides: list[str], tmp_path: Path) -> None:
    common = ("train", TINY, *tiny_overrides, f"output={tmp_path / 'run'}")
    assert "found fsdp on one process" in refused(*common, "trainer.strategy=fsdp")
    assert "expected ddp or fsdp" in refused(*common, "trainer.strategy=deepspeed")
    assert not (tmp_path / "run").exists()
