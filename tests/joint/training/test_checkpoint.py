"""Checkpoints: what goes in comes out; what does not fit is named; a failed write harms nothing."""

import os
import pickle
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tiny_models import tiny_model

from joint.errors import CheckpointError
from joint.training import checkpoint
from joint.training.building.initialisation import initialise_model
from joint.training.building.model import load_model
from joint.training.config.schema import OptimizerConfig
from joint.training.optimizers import MAIN, make_optimizers

TENSORS = {
    "model/a": torch.arange(6.0).view(2, 3),
    "model/b": torch.tensor(3),
    "model/c": torch.ones(2, 2, dtype=torch.float16).T,
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "folder" / "model.safetensors"
    checkpoint.write(made, TENSORS, {"name": "words – ü", "list": [1, 2]})
    return made


def test_what_goes_in_comes_out(path: Path) -> None:
    tensors, metadata = checkpoint.read(path)
    assert metadata == {"name": "words – ü", "list": [1, 2]}
    assert tensors.keys() == TENSORS.keys()
    for name, value in TENSORS.items():
        assert tensors[name].dtype == value.dtype and torch.equal(tensors[name], value)
    assert os.listdir(path.parent) == [path.name]


def test_the_mean_of_checkpoints(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each tensor in its own precision; those of one checkpoint as they are, without a copy in
    float64, which would be twice the model."""
    other = path.with_name("other")
    checkpoint.write(other, {**TENSORS, "model/a": TENSORS["model/a"] + 1.0}, {})
    mean = checkpoint.averaged([path, other])
    assert mean["model/c"].dtype == torch.float16
    torch.testing.assert_close(mean, {**TENSORS, "model/a": TENSORS["model/a"] + 0.5})
    monkeypatch.setattr(torch.Tensor, "double", None)
    torch.testing.assert_close(checkpoint.averaged([path]), TENSORS)


def test_tensors_of_a_file_beside_it(tmp_path: Path) -> None:
    """What a file leaves to another one comes from there; what it has itself, does not."""
    one, two = (torch.full((3, 2), float(i)).unbind() for i in (1, 2))
    checkpoint.write(
        tmp_path / "old", dict(zip(("model/a.x", "model/a.y", "model/b"), one, strict=True)), {}
    )
    beside = {checkpoint.BESIDE: {"old": ["model/a."]}}
    checkpoint.write(tmp_path / "new", {"model/a.x": two[0], "model/c": two[1]}, beside)
    found, metadata = checkpoint.read(tmp_path / "new")
    assert not metadata  # whole: it may be written again
    assert {name: float(value[0]) for name, value in found.items()} == {
        "model/a.x": 2.0,
        "model/a.y": 1.0,
        "model/c": 2.0,
    }
    assert set(checkpoint.read(tmp_path / "new", without=("model/a.",))[0]) == {"model/c"}
    (tmp_path / "old").unlink()
    with pytest.raises(CheckpointError, match="no file"):
        checkpoint.read(tmp_path / "new")


def test_others_may_read_it(path: Path) -> None:
    plain = path.with_name("plain")
    plain.touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


def a_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps({"model": 1}))


def a_torch_file(path: Path) -> None:
    torch.save({"model": torch.ones(3)}, path)


def foreign(path: Path) -> None:
    save_file({"weight": torch.ones(3)}, path, {"format": "pt"})


def no_metadata(path: Path) -> None:
    save_file({"weight": torch.ones(3)}, path, {"format": checkpoint.FORMAT})


BAD: dict[Callable[[Path], object], str] = {
    truncated: "no readable safetensors",
    a_pickle: "pickles are refused",
    a_torch_file: "pickles are refused",
    foreign: "format 'pt'",
    no_metadata: "metadata",
    Path.unlink: "no file",
    lambda path: path.write_bytes(b""): "no readable safetensors",
}


@pytest.mark.parametrize("spoil, message", BAD.items(), ids=range(len(BAD)))
def test_unreadable(path: Path, spoil: Callable[[Path], object], message: str) -> None:
    spoil(path)
    with pytest.raises(CheckpointError, match=message) as error:
        checkpoint.read(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_a_folder_that_is_a_file(path: Path) -> None:
    with pytest.raises(CheckpointError, match="room and permission"):
        checkpoint.write(path / "inside.safetensors", TENSORS, {})
    assert checkpoint.read(path)[1]["list"] == [1, 2]


class TestFit:
    """Loading is strict: the first tensor that does not fit is named, with its part."""

    @pytest.fixture
    def module(self) -> torch.nn.Module:
        return torch.nn.Linear(3, 2)

    @pytest.mark.parametrize(
        "given, message",
        [
            ({"weight": (2, 3)}, r"no tensor 'encoder\.bias'"),
            ({"weight": (2, 4), "bias": (2,)}, r"'encoder\.weight' of shape \(2, 4\)"),
            ({"weight": (2, 3), "bias": (2,), "gain": (1,)}, r"'encoder\.gain' too many"),
        ],
    )
    def test_refused(
        self, module: torch.nn.Module, given: dict[str, tuple[int, ...]], message: str
    ) -> None:
        before = {n: v.clone() for n, v in module.state_dict().items()}
        prefix = f"{checkpoint.MODEL}encoder."
        tensors = {prefix + name: torch.zeros(shape) for name, shape in given.items()}
        with pytest.raises(CheckpointError, match=message):
            checkpoint.load_into(module, tensors, Path("c"), prefix)
        assert all(torch.equal(v, before[n]) for n, v in module.state_dict().items())

    def test_half_precision_becomes_the_module_s_own(self, module: torch.nn.Module) -> None:
        tensors = {"m/weight": torch.ones(2, 3).half(), "m/bias": torch.ones(2).half()}
        checkpoint.load_into(module, tensors, Path("c"), "m/")
        assert all(v.dtype == torch.float32 and (v == 1).all() for v in module.parameters())


def test_a_model_without_a_description(path: Path) -> None:
    with pytest.raises(CheckpointError, match="config"):
        load_model(path)


@pytest.mark.parametrize("kind", ["adamw", "sgd"])
def test_the_optimizer_s_state_comes_back(kind: str, tmp_path: Path) -> None:
    states = []
    for made in (tiny_model(), tiny_model()):
        names = {id(p): n for n, p in made.named_parameters()}
        optimizer = make_optimizers(made, OptimizerConfig(kind=kind))[MAIN]
        if not states:
            for parameter in made.parameters():
                parameter.grad = torch.randn_like(parameter) if parameter.requires_grad else None
            optimizer.step()
            states.append(checkpoint.optimizer_tensors(optimizer, names))
            checkpoint.write(tmp_path / "o.safetensors", states[0], {})
        else:
            stored, _ = checkpoint.read(tmp_path / "o.safetensors")
            checkpoint.load_optimizer(optimizer, stored, names)
            states.append(checkpoint.optimizer_tensors(optimizer, names))
    assert len(states[0]) > 20 and states[0].keys() == states[1].keys()
    assert all(torch.equal(v, states[1][n]) for n, v in states[0].items())


class TestStart:
    """A training may begin from another's weights."""

    @pytest.fixture
    def other(self, tmp_path: Path) -> Path:
        model = tiny_model()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter += 1.0
        tensors = checkpoint.model_tensors(model)
        path = tmp_path / "start.safetensors"
        checkpoint.write(
            path, {n: v for n, v in tensors.items() if "extraction" not in n}, {"name": "start"}
        )
        return path

    def test_what_it_has_is_taken(self, other: Path) -> None:
        model, fresh = tiny_model(), tiny_model()
        assert initialise_model(model, other) == ["encoder", "verification"]
        stored, _ = checkpoint.read(other)
        untouched = fresh.state_dict()
        for name, value in model.state_dict().items():
            assert torch.equal(value, stored.get(f"model/{name}", untouched[name]))

    def test_another_encoder(self, other: Path, tmp_path: Path) -> None:
        tensors, _ = checkpoint.read(other)
        tensors["model/encoder.projection.weight"] = torch.zeros(3, 3)
        checkpoint.write(tmp_path / "another.safetensors", tensors, {})
        with pytest.raises(CheckpointError, match=r"projection\.weight"):
            initialise_model(tiny_model(), tmp_path / "another.safetensors")
