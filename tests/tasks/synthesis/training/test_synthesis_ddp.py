"""Two processes: voices learn from what is aligned, wherever it is, and train together."""

from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from omegaconf import OmegaConf
from processes import on_two
from support import ROOT
from tiny_synthesis import REGRESSION, conversion, speaking_model, spoken_batch, synthesis
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from joint.data.opening import open_corpus
from joint.model import JointModel, StreamBatch
from joint.training import checkpoint
from joint.training.run import train

ROWS = (0, 5), (9, 12)
"""Utterances of each process; on the second one they are not aligned."""
TASKS = {"synthesis": synthesis, "conversion": conversion}


def model_of(kind: str, folder: str) -> JointModel:
    """By regression on whole utterances, so that nothing is drawn."""
    corpus = open_corpus(folder)
    task = TASKS[kind](corpus.phones, REGRESSION, stretch=60.0)
    return speaking_model(task, corpus, "joint").eval()


def gradients(
    model: JointModel, module: torch.nn.Module, folder: str, rank: int
) -> dict[str, Tensor]:
    aligned = torch.tensor([[rank == 0]] * 2)
    batch = spoken_batch(open_corpus(folder), ROWS[rank], source_phones_known=aligned)
    module([StreamBatch(batch, ("voice",))], 0.5).loss.backward()
    return {n: p.grad for n, p in model.named_parameters() if p.grad is not None}


def work(rank: int, data: str, folder: str, overrides: list[str]) -> None:
    """What each of two processes does; errors end the test in the parent."""
    dist.init_process_group("gloo")
    for kind in TASKS:
        model = model_of(kind, data)
        found = gradients(model, DistributedDataParallel(model), data, rank)
        if rank == 0:
            torch.save(found, Path(folder) / kind)
    train(Path(folder) / "recipe.yaml", overrides)


@pytest.fixture(scope="module")
def outcome(aligned: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that two processes left their gradients and a training in: with the consistency
    loss, under each switch."""
    folder = tmp_path_factory.mktemp("ddp")
    recipe = OmegaConf.load(ROOT / "tests" / "speaking.yaml")
    vocoder = recipe.tasks.pop("vocoder").task.vocoder
    consistency = {
        "_target_": "joint.synthesis.consistency.SpeakerConsistency",
        "vocoder": vocoder,
        "seconds": 0.5,
    }
    for task in recipe.tasks.values():
        task.task.consistency = consistency
    recipe.tasks.conversion.encoder = "frozen"
    recipe.streams.sentences.tasks = list(TASKS)
    OmegaConf.save(recipe, folder / "recipe.yaml")
    overrides = [f"data.train={aligned}", f"output={folder / 'run'}"]
    on_two(work, str(aligned), str(folder), overrides)
    return folder


@pytest.mark.parametrize("kind", TASKS)
def test_gradients_are_those_of_the_aligned_utterances(
    outcome: Path, aligned: Path, kind: str
) -> None:
    model = model_of(kind, str(aligned))
    expected = gradients(model, model, str(aligned), 0)
    found = torch.load(outcome / kind, weights_only=True)
    assert expected.keys() == found.keys()
    assert any(n.startswith("encoder.") and v.any() for n, v in found.items())
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, atol=1e-5, rtol=1e-3, msg=name)


def test_a_training_on_two_processes(outcome: Path) -> None:
    tensors, metadata = checkpoint.read(outcome / "run" / "model.safetensors")
    assert metadata["trained"]["steps"] == 2 and metadata["trained"]["scenes"] == 8
    assert all(v.isfinite().all() for v in tensors.values() if v.is_floating_point())
    lines = (outcome / "run" / "metrics.jsonl").read_text().splitlines()
    for task in TASKS:
        assert all(f"{task}/consistency_loss" in line for line in lines)
