"""WeSep's checkpoints: the same speech extracted, and one line for what does not fit."""

import pickle
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor
from wesep_checkpoint import DATA, Golden, enrolment, mixture, published

from joint.errors import CheckpointError
from joint.model import JointModel
from joint.task import Enrollment
from pretrained import importing
from pretrained.wesep import reader as wesep
from tasks.extraction.task import ExtractionTask

NAMES = sorted(path.stem for path in DATA.glob("*.safetensors"))
SMALL = "bsrnn_multiply"
MEL = "bsrnn_multi"
"""A model that computes an enrolment's features itself."""


@torch.inference_mode()
def extracted(model: JointModel, voice: Tensor, samples: int | None = None) -> Tensor:
    """What the network gives, at its own level."""
    task = model.task("extraction")
    assert isinstance(task, ExtractionTask)
    task.match_level = False
    return task.infer(model.view("extraction"), mixture()[:samples], [Enrollment((voice,))])[0]


@pytest.mark.parametrize("name", NAMES)
def test_extracts_what_wesep_extracts(name: str, tmp_path: Path) -> None:
    golden = Golden.load(name)
    foreign = wesep.read(published(golden, tmp_path))
    assert foreign.tasks["extraction"]["task"]["match_level"]
    model = foreign.model()
    expected = golden.extracted
    largest = float(expected.abs().max())
    found = extracted(model, enrolment(), len(expected))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4 * largest)
    other = extracted(model, mixture(), len(expected))
    assert (other - expected).abs().max() > 0.01 * largest, "the enrolment decides nothing"
    trained = golden.model_args.get("multi_task")
    assert foreign.left_out == (("pred_linear.weight", "pred_linear.bias") if trained else ())


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A whole checkpoint."""
    return published(Golden.load(SMALL), tmp_path / "checkpoint")


def test_recognised(small: Path, tmp_path: Path) -> None:
    assert wesep.recognises(small) and wesep.recognises(small / "avg_model.pt")
    assert not wesep.recognises(small / "config.yaml")
    assert not wesep.recognises(tmp_path)
    assert importing.reader_of(small) is wesep
    (small / "config.yaml").write_text("model: ResNet34\n")
    assert not wesep.recognises(small)
    (small / "config.yaml").write_text("model: [")
    assert not wesep.recognises(small)


def test_a_training_s_folder_and_the_file_itself(small: Path) -> None:
    expected = wesep.read(small)
    from_file = wesep.read(small / "avg_model.pt")
    (small / "models").mkdir()
    (small / "avg_model.pt").rename(small / "models" / "avg_best_model.pt")
    from_training = wesep.read(small)
    assert from_file.tasks == from_training.tasks == expected.tasks


def test_saved_by_a_wrapped_model_with_a_discriminator(small: Path) -> None:
    tensors = Golden.load(SMALL).tensors()
    wrapped = {f"module.{name}": value for name, value in tensors.items()}
    content = {
        "models": [wrapped, {"conv.weight": torch.ones(2)}],
        "optimizers": [{"state": {}, "param_groups": [{"lr": 0.1}]}],
        "schedulers": [None],
        "scaler": None,
    }
    torch.save(content, small / "avg_model.pt")
    foreign = wesep.read(small)
    assert foreign.left_out == ("optimizers", "schedulers", "discriminator")
    assert torch.equal(extracted(foreign.model(), enrolment()), extracted_from(tensors, small))


def extracted_from(tensors: dict[str, Tensor], folder: Path) -> Tensor:
    torch.save({"models": [tensors]}, folder / "avg_model.pt")
    return extracted(wesep.read(folder).model(), enrolment())


def test_a_frozen_encoder_stays_frozen(tmp_path: Path) -> None:
    golden = Golden.load(SMALL)
    golden.model_args["spk_model_freeze"] = True
    golden.model_args["spk_model_init"] = "./voxceleb_resnet34/avg_model.pt"
    assert wesep.read(published(golden, tmp_path)).tasks["extraction"]["encoder"] == "frozen"


Change = Callable[[dict[str, Tensor]], object]
WRONG: dict[str, tuple[str, Change, str]] = {
    "missing": (SMALL, lambda t: t.pop("mask.3.5.bias"), "no tensor 'mask.3.5.bias'"),
    "missing in a block": (
        SMALL,
        lambda t: t.pop("separator.separation.1.band_rnn.rnn.weight_hh_l0_reverse"),
        "separation.1.band_rnn.rnn.weight_hh_l0_reverse",
    ),
    "missing in the encoder": (
        SMALL,
        lambda t: t.pop("spk_model.front.layer2.0.conv1.weight"),
        "no tensor 'backbone.stages.1.0.conv1.weight'",
    ),
    "too many": (SMALL, lambda t: t.update(wrong=torch.ones(2)), "'wrong' too many"),
    "several too many": (
        SMALL,
        lambda t: t.update({"BN.32.0.weight": torch.ones(2), "BN.32.0.bias": torch.ones(2)}),
        "'BN.32.0.weight' and 1 more too many",
    ),
    "too many in the encoder": (
        SMALL,
        lambda t: t.update({"spk_model.layer9.weight": torch.ones(2)}),
        "layer9.weight",
    ),
    "misshapen": (
        SMALL,
        lambda t: t.update({"BN.0.1.weight": torch.ones(8, 8, 1)}),
        "'BN.0.1.weight' of shape (8, 8, 1); expected (8, 6, 1)",
    ),
    "misshapen where one layer stands for a convolution": (
        "tfgridnet_concat",
        lambda t: t.update({"blocks.0.attn_conv_Q.weight": torch.ones(4, 8, 1, 2)}),
        "'blocks.0.attn_conv_Q.weight' of shape (4, 8, 1, 2)",
    ),
    "another mel scale": (
        MEL,
        lambda t: t["spk_encoder.mel_scale.fb"].mul_(0.5),
        "other values in 'spk_encoder.mel_scale.fb'",
    ),
    "no tensor": (SMALL, lambda t: t.update(step=7), "'step', a int"),
}


@pytest.mark.parametrize("name, change, line", WRONG.values(), ids=WRONG.keys())
def test_tensors_that_do_not_fit(name: str, change: Change, line: str, tmp_path: Path) -> None:
    golden = Golden.load(name)
    folder = published(golden, tmp_path)
    tensors = golden.tensors()
    change(tensors)
    torch.save({"models": [tensors]}, folder / "avg_model.pt")
    with pytest.raises(CheckpointError) as caught:
        wesep.read(folder).model()
    assert line in str(caught.value) and str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_weights_that_are_not_finite(small: Path, tmp_path: Path) -> None:
    tensors = Golden.load(SMALL).tensors()
    tensors["mask.3.5.bias"][1] = torch.nan
    torch.save({"models": [tensors]}, small / "avg_model.pt")
    with pytest.raises(CheckpointError, match=r"NaN or infinite in .*mask.*; expected finite"):
        wesep.read(small).write(tmp_path / "ours.safetensors", "ours")
    assert not (tmp_path / "ours.safetensors").exists()


BROKEN = {
    "dpccn_film": "encoder.1.1.conv2.conv2d.weight",
    "tfgridnet_concat": "blocks.1.attn_norm_K.gamma",
    "spex_plus": "separation.separation.1.separation.1.dwconv.weight",
    "convtasnet": "separation.separation.4.fc.linear.weight",
    "bsrnn_context": "separator.attenFuse.1.multihead_attn.in_proj_weight",
    "bsrnn_transform": "spk_transform.transforms.1.weight",
}
"""A tensor of each other model."""


@pytest.mark.parametrize("how", ["missing", "misshapen", "another beside it"])
@pytest.mark.parametrize("name, tensor", BROKEN.items(), ids=BROKEN.keys())
def test_no_model_is_read_by_halves(name: str, tensor: str, how: str, tmp_path: Path) -> None:
    golden = Golden.load(name)
    folder = published(golden, tmp_path)
    tensors = golden.tensors()
    value = tensors[tensor]
    if how == "missing":
        del tensors[tensor]
    elif how == "misshapen":
        tensors[tensor] = torch.ones(3, 5)
    else:
        tensors[f"{tensor}.more"] = value
    torch.save({"models": [tensors]}, folder / "avg_model.pt")
    words = {"missing": "no tensor", "misshapen": "of shape (3, 5)"}
    with pytest.raises(CheckpointError, match=re.escape(words.get(how, "too many"))) as caught:
        wesep.read(folder).model()
    assert str(folder) in str(caught.value) and "\n" not in str(caught.value)


class Bomb:
    """Unpickling it writes a file: the proof that somebody did."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[type[Path.touch], tuple[Path]]:
        return Path.touch, (self.path,)  # type: ignore[return-value]


@pytest.mark.parametrize("kind", ["pickle", "torch", "empty", "truncated", "no models"])
def test_weights_that_are_no_tensors(small: Path, tmp_path: Path, kind: str) -> None:
    weights, proof = small / "avg_model.pt", tmp_path / "proof"
    if kind == "torch":
        torch.save({"models": [{"weight": Bomb(proof)}]}, weights)
    elif kind == "no models":
        torch.save({"models": []}, weights)
    else:
        content = {"pickle": pickle.dumps(Bomb(proof)), "empty": b""}
        weights.write_bytes(content.get(kind, weights.read_bytes()[:-1000]))
    with pytest.raises(CheckpointError) as caught:
        wesep.read(small)
    assert str(weights) in str(caught.value) and not proof.exists()
