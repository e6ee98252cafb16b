"""Distillation with the teacher beside the student: its space, what it hears, what is kept."""

from pathlib import Path

import numpy as np
import pytest
import torch
from support import TINY
from tiny_models import encode_with, noise_batch

from joint.data.opening import open_corpus
from joint.errors import ConfigError, DataError
from joint.training.building.model import load_model
from joint.training.run import train
from tasks.distillation.online import OnlineDistillationTask
from tasks.distillation.space import Space


def rows(count: int, dim: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, dim)) + 0.5


def test_a_planted_space_is_found(tmp_path: Path) -> None:
    teacher = rows(50, 6, 0)
    unit = teacher / np.linalg.norm(teacher, axis=1, keepdims=True)
    turn, _ = np.linalg.qr(rows(6, 6, 1))
    aim = (unit - unit.mean(axis=0)) @ turn + 3.0  # another place, another orientation
    space = Space.between(teacher, aim / np.linalg.norm(aim, axis=1, keepdims=True))
    space.save(tmp_path / "space.npz")
    kept = Space.load(tmp_path / "space.npz")
    np.testing.assert_allclose(kept.rotation @ kept.rotation.T, np.eye(6), atol=1e-8)
    found = kept(torch.from_numpy(7.0 * teacher)).numpy()
    centred = unit - unit.mean(axis=0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    np.testing.assert_allclose(found @ found.T, centred @ centred.T, atol=1e-5)
    exact = Space.between(unit, (unit - unit.mean(axis=0)) @ turn)
    assert exact.rotation.shape == (6, 6)
    with pytest.raises(DataError, match="the same recordings"):
        Space.between(teacher, aim[:10])
    with pytest.raises(DataError, match="space: found embeddings of 6 dimensions; expected 5"):
        Space.between(teacher, aim[:, :5])


@pytest.mark.parametrize("content", [b"", b"not an archive"])
def test_another_file_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "space.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"recipes\.distillation\.space"):
        Space.load(tmp_path / "space.npz")


def test_a_part_of_a_file_and_a_single_array_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "space.npz"
    Space.between(rows(9, 6, 0), rows(9, 6, 1)).save(path)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(DataError, match=r"recipes\.distillation\.space"):
        Space.load(path)
    np.save(tmp_path / "space.npy", np.zeros(3))
    with pytest.raises(DataError, match=r"recipes\.distillation\.space"):
        Space.load(tmp_path / "space.npy")


def test_a_space_that_is_not_there(tmp_path: Path) -> None:
    task = OnlineDistillationTask(6, "teacher", str(tmp_path / "none.npz"))
    with pytest.raises(DataError, match=r"none\.npz: found no space"):
        task.locate(Path)


def test_the_teacher_hears_what_the_student_hears(prepared: Path, tmp_path: Path) -> None:
    """The teacher itself as student has no loss; another encoder comes nearer; no weight of the
    teacher is one of the task's."""

    def trained(seed: int) -> Path:
        given = [f"seed={seed}", f"output={tmp_path}/{seed}", f"data.train={prepared}/train"]
        return train(TINY, [*given, "trainer.max_steps=1"])

    teacher, student = (trained(seed) for seed in (1, 2))
    model, _ = load_model(teacher)
    other, _ = load_model(student)
    dim = model.encoder.embedding_dim
    task = OnlineDistillationTask(dim, "teacher")
    task.locate({"teacher": teacher}.__getitem__)
    corpus = open_corpus(prepared / "train")
    task.setup(corpus)
    assert not list(task.parameters()) and not task.state_dict()
    batch = noise_batch(scenes=4)
    own = task.loss(encode_with(model.encoder.eval()), batch, 0.0)
    assert float(own.loss.detach()) < 1e-4 and float(own.metrics["cosine"]) > 0.9999
    optimizer = torch.optim.Adam(other.encoder.requires_grad_(True).parameters(), lr=1e-2)
    losses = []
    for _ in range(20):
        output = task.loss(encode_with(other.encoder), batch, 0.0)
        optimizer.zero_grad()
        output.loss.backward()
        optimizer.step()
        losses.append(float(output.loss.detach()))
    assert losses[0] > 0.05 and losses[-1] < 0.5 * losses[0]
    with pytest.raises(ConfigError, match="embedding_dim"):
        OnlineDistillationTask(dim + 1, str(teacher)).setup(corpus)
    with pytest.raises(ConfigError, match="relation_weight"):
        OnlineDistillationTask(dim, str(teacher), relation_weight=-1.0)
