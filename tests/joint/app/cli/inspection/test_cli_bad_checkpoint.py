"""Checkpoints that cannot be used: one line, exit 2; a pickle is never opened."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from support import Refused

Make = Callable[[Path, Path], object]


class Bomb:
    """Unpickling it writes a file, which proves that it was unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[type[Path.touch], tuple[Path]]:
        return Path.touch, (self.path,)  # type: ignore[return-value]


def rewritten(change: Callable[[dict, dict], object]) -> Make:
    """A copy of a checkpoint whose tensors or metadata were changed."""

    def make(source: Path, target: Path) -> None:
        with safe_open(source, "pt") as file:
            header = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        metadata = json.loads(header["metadata"])
        change(tensors, metadata)
        save_file(tensors, target, header | {"metadata": json.dumps(metadata)})

    return make


def drop_a_tensor(tensors: dict, metadata: dict) -> None:
    del tensors[next(iter(tensors))]


def reshape_a_tensor(tensors: dict, metadata: dict) -> None:
    name = next(name for name, tensor in tensors.items() if tensor.ndim > 1)
    tensors[name] = torch.zeros(3, 3)


def another_encoder(tensors: dict, metadata: dict) -> None:
    node = metadata["config"]["encoder"]
    node["embedding_dim"] = 2 * int(node.get("embedding_dim", 192))


def a_foreign_class(tensors: dict, metadata: dict) -> None:
    metadata["config"]["encoder"] = {"_target_": "os.system", "command": "true"}


BAD: dict[str, Make] = {
    "missing": lambda source, target: None,
    "empty": lambda source, target: target.write_bytes(b""),
    "truncated": lambda source, target: target.write_bytes(source.read_bytes()[:-1000]),
    "truncated in its header": lambda source, target: target.write_bytes(source.read_bytes()[:99]),
    "not a checkpoint": lambda source, target: target.write_text("words\n" * 99),
    "another project's": lambda source, target: save_file({"weight": torch.ones(3)}, target),
    "a tensor too few": rewritten(drop_a_tensor),
    "a tensor of another shape": rewritten(reshape_a_tensor),
    "another architecture": rewritten(another_encoder),
    "a class of another package": rewritten(a_foreign_class),
}


@pytest.fixture
def recordings(embedded_corpus: Path) -> list[Path]:
    return sorted((embedded_corpus / "WAVE").rglob("*.*"))[:2]


@pytest.mark.parametrize("make", BAD.values(), ids=BAD.keys())
def test_refused(
    refused: Refused, tiny_checkpoint: Path, recordings: list[Path], tmp_path: Path, make: Make
) -> None:
    checkpoint = tmp_path / "bad.safetensors"
    make(tiny_checkpoint, checkpoint)
    assert str(checkpoint) in refused("info", checkpoint)
    assert str(checkpoint) in refused("verify", "--checkpoint", checkpoint, *recordings)


@pytest.mark.parametrize("writer", ["pickle", "torch"])
def test_a_pickle_stays_closed(refused: Refused, tmp_path: Path, writer: str) -> None:
    checkpoint, proof = tmp_path / "bad.safetensors", tmp_path / "proof"
    if writer == "pickle":
        checkpoint.write_bytes(pickle.dumps(Bomb(proof)))
    else:
        torch.save({"model": Bomb(proof)}, checkpoint)
    assert "pickle" in refused("info", checkpoint)
    assert not proof.exists()


def test_no_such_shipped_name(refused: Refused) -> None:
    assert "speechocean999" in refused("info", "speechocean999-joint")
