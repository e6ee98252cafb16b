"""Distillation: a teacher's targets, their space, the loss on a hand-worked case, a training."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_models import encode_with, encoding_of, noise_batch, tiny_encoder
from torch import Tensor

from joint.data.corpus import Corpus, Utterance
from joint.data.joined import JoinedCorpus
from joint.data.opening import open_corpus
from joint.data.storage.store import FileStore
from joint.errors import ConfigError, DataError
from joint.outputs import SpeakerEncoding
from joint.training.config.schema import RecipeConfig, StreamConfig
from joint.training.corpora import of_task
from tasks.distillation.targets import LONGEST, Targets, agreement, embedded, turned
from tasks.distillation.task import DistillationTask


def unit(rows: np.ndarray) -> np.ndarray:
    scaled: np.ndarray = rows / np.linalg.norm(rows, axis=-1, keepdims=True)
    return scaled.astype(np.float32)


def random_targets(count: int = 12, dim: int = 8) -> Targets:
    rows = np.random.default_rng(0).standard_normal((2, count, dim))
    return Targets([f"u{i:02}" for i in range(count)], [0.9, 1.0], unit(rows))


def set_up(targets: np.ndarray, speeds: list[float], weight: float) -> DistillationTask:
    task = DistillationTask(targets.shape[2], "targets.npz", weight)
    task.targets, task.speeds = torch.from_numpy(targets), torch.tensor(speeds)
    task.numbers = torch.arange(targets.shape[1])
    return task


def test_a_hand_worked_loss() -> None:
    """Two enrolments: one at its target, one at right angles to its own; the targets have a cosine
    of 0.6, the embeddings of 0: 1 − (1 + 0) / 2, and 2 · (0 − 0.6)² for the relation."""
    targets = np.array([[[1.0, 0.0, 0.0], [0.6, 0.8, 0.0]]], np.float32)
    batch = replace(
        noise_batch(scenes=1), utterance=torch.tensor([[0, 1]]), speed=torch.tensor([[1.0, 1.0]])
    )

    def encode(audio: Tensor, lengths: Tensor, role: str) -> SpeakerEncoding:
        return encoding_of(torch.tensor([[3.0, 0.0, 0.0], [0.0, 0.0, 2.0]]))

    output = set_up(targets, [1.0], weight=2.0).loss(encode, batch, 0.5)
    torch.testing.assert_close(output.loss, torch.tensor(0.5 + 2.0 * 0.36))
    assert output.count == 2 and float(output.metrics["cosine"]) == pytest.approx(0.5)


def test_targets_are_those_of_the_speed() -> None:
    targets = random_targets()
    task = set_up(targets.embeddings, targets.speeds, weight=0.0)
    batch = replace(
        noise_batch(scenes=1), utterance=torch.tensor([[3, 5]]), speed=torch.tensor([[1.0, 0.9]])
    )
    expected = torch.from_numpy(np.stack([targets.embeddings[1, 3], targets.embeddings[0, 5]]))
    torch.testing.assert_close(task.target(batch), expected)
    with pytest.raises(ConfigError, match="speeds"):
        task.target(replace(batch, speed=torch.tensor([[1.0, 1.1]])))


def test_targets_of_a_stream_of_some_corpora(tmp_path: Path) -> None:
    """Batches count the utterances of all corpora; the task has targets of its streams' alone."""
    counts = {"a": 4, "b": 2, "c": 6}
    joined = JoinedCorpus(
        {
            name: Corpus([Utterance(f"u{i}", f"{name}{i}.wav", "s") for i in range(n)], name)
            for name, n in counts.items()
        }
    )
    stream: dict[str, Any] = {"tasks": ["distillation"], "corpora": ["a", "c"]}
    config = RecipeConfig(streams={"speakers": StreamConfig(**stream)})
    names = [u.id for u in joined.utterances if not u.id.startswith("b/")]
    rows = unit(np.random.default_rng(0).standard_normal((1, len(names), 8)))
    Targets(names, [1.0], rows).save(tmp_path / "targets.npz")
    task = DistillationTask(8, str(tmp_path / "targets.npz"))
    task.setup(of_task(config, joined, "distillation"))
    for number, utterance in enumerate(joined.utterances):
        if utterance.id in names:
            batch = replace(
                noise_batch(scenes=1),
                utterance=torch.tensor([[number]]),
                speed=torch.tensor([[1.0]]),
            )
            expected = torch.from_numpy(rows[0, names.index(utterance.id)])
            torch.testing.assert_close(task.target(batch)[0], expected)


def test_turning_finds_a_planted_rotation() -> None:
    targets = random_targets()
    rotation, _ = np.linalg.qr(np.random.default_rng(1).standard_normal((8, 8)))
    rotated = (targets.embeddings @ rotation).astype(np.float32)
    aim = Targets(targets.names, targets.speeds, rotated)
    found = turned(targets, aim)
    assert agreement(targets, aim) < 0.5
    assert agreement(found, aim) == pytest.approx(1.0, abs=1e-5)
    before, after = (x.embeddings[0] @ x.embeddings[0].T for x in (targets, found))
    np.testing.assert_allclose(after, before, atol=1e-5)
    with pytest.raises(DataError, match="targets: found embeddings of 8 dimensions; expected 6"):
        turned(targets, random_targets(dim=6))


def test_what_a_teacher_makes_of_a_corpus(prepared: Path, tmp_path: Path) -> None:
    """Each utterance's own row, whatever the batch; without the mean; kept in a file."""
    corpus = open_corpus(prepared / "train")

    def loudness(waveforms: list[np.ndarray]) -> np.ndarray:
        return np.array([[np.abs(w).mean(), len(w) / 1e5, 1.0] for w in waveforms])

    found = embedded(loudness, corpus, FileStore(corpus), [1.0], progress=False)
    own = unit(loudness([u.waveform()[:LONGEST] for u in corpus.utterances]))
    np.testing.assert_allclose(found.embeddings[0], unit(own - own.mean(axis=0)), atol=1e-4)
    found.save(tmp_path / "targets.npz")
    kept = Targets.load(tmp_path / "targets.npz")
    np.testing.assert_allclose(kept.of(corpus, "targets"), found.embeddings)
    with pytest.raises(DataError, match="no targets of"):
        replace(kept, names=[f"{name}x" for name in kept.names]).of(corpus, "targets")


def test_an_encoder_comes_nearer_to_its_teacher() -> None:
    encoder, batch = tiny_encoder(), noise_batch(scenes=4)
    assert batch.enrollment is not None and batch.enrollment_lengths is not None
    teacher = tiny_encoder().eval()
    torch.manual_seed(7)
    with torch.no_grad():
        for parameter in teacher.parameters():
            parameter.add_(0.5 * torch.randn_like(parameter))
        rows = encode_with(teacher)(batch.enrollment, batch.enrollment_lengths, "enrollment")
    count = len(rows.embedding)
    task = set_up(unit(rows.embedding.numpy())[None], [1.0], weight=1.0)
    batch = replace(
        batch, utterance=torch.arange(count).view(4, -1), speed=torch.ones(4, count // 4)
    )
    optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-2)
    losses = []
    for _ in range(30):
        output = task.loss(encode_with(encoder), batch, 0.0)
        optimizer.zero_grad()
        output.loss.backward()
        optimizer.step()
        losses.append(float(output.loss.detach()))
    assert losses[0] > 0.1 and losses[-1] < 0.3 * losses[0]


@pytest.mark.parametrize("content", [b"", b"not an archive"])
def test_another_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "targets.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match="python -m"):
        Targets.load(path)


def test_a_part_of_a_file_and_a_single_array_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "targets.npz"
    random_targets().save(path)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(DataError, match="python -m"):
        Targets.load(path)
    np.save(tmp_path / "targets.npy", np.zeros(3))
    with pytest.raises(DataError, match="python -m"):
        Targets.load(tmp_path / "targets.npy")


def test_targets_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.npz: found no file; expected a file of python -m"):
        DistillationTask(8, str(tmp_path / "none.npz")).locate(Path)


def test_a_dimension_that_does_not_fit(prepared: Path, tmp_path: Path) -> None:
    corpus = open_corpus(prepared / "train")
    names = [u.id for u in corpus.utterances]
    rows = unit(np.random.default_rng(0).standard_normal((1, len(names), 8)))
    Targets(names, [1.0], rows).save(tmp_path / "targets.npz")
    with pytest.raises(ConfigError, match=r"embedding_dim: found 16; expected 8, as .*npz has it"):
        DistillationTask(16, str(tmp_path / "targets.npz")).setup(corpus)
