"""Folders of SpeechBrain's that cannot be read: one line says why, and no code of theirs runs."""

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import speechbrain_hub
import torch
from torch import Tensor

from joint.errors import CheckpointError
from pretrained.speechbrain import reader as speechbrain

Change = Callable[[dict[str, Tensor]], object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A narrow ECAPA-TDNN that can be read."""
    return speechbrain_hub.write(tmp_path / "hub", "ecapa")


def refused(folder: Path) -> str:
    """The line that reading and building `folder` ends in."""
    with pytest.raises(CheckpointError) as error:
        speechbrain.read(folder).build()
    message = str(error.value)
    assert "\n" not in message and message.startswith(str(folder))
    return message


def test_what_lies_beside_the_encoder_is_listed(folder: Path) -> None:
    found = speechbrain.read(folder)
    assert found.toolkit == "speechbrain"
    assert found.left_out == ("mean_var_norm_emb.ckpt", "classifier.ckpt", "label_encoder.txt")
    (folder / "classifier.ckpt").unlink()
    assert "classifier.ckpt" not in speechbrain.read(folder).left_out


def test_recognises_its_own(folder: Path, tmp_path: Path) -> None:
    assert speechbrain.recognises(folder)
    (folder / "hyperparams.yaml").unlink()
    assert speechbrain.recognises(folder)
    assert not speechbrain.recognises(tmp_path)
    assert not speechbrain.recognises(tmp_path / "nowhere")


CHANGES: dict[str, tuple[Change, str]] = {
    "missing": (lambda s: s.pop("fc.conv.bias"), "no tensor 'projection.bias'"),
    "missing, split": (
        lambda s: s.pop("asp.tdnn.conv.conv.weight"),
        "no tensor 'asp.tdnn.conv.conv.weight'",
    ),
    "too many": (
        lambda s: s.update({"blocks.4.tdnn1.conv.conv.bias": torch.zeros(64)}),
        "a tensor 'blocks.4.tdnn1.conv.conv.bias' too many",
    ),
    "misshapen": (
        lambda s: s.update({"blocks.2.tdnn2.norm.norm.bias": torch.zeros(63)}),
        "'backbone.blocks.1.merge.norm.bias' of shape (63,); expected (64,)",
    ),
    "misshapen, split": (
        lambda s: s.update({"asp.tdnn.conv.conv.weight": torch.zeros(128, 96, 1)}),
        "'asp.tdnn.conv.conv.weight' of shape (128, 96, 1); expected (128, 288, 1)",
    ),
    "no tensor": (lambda s: s.update({"fc.conv.bias": 3}), "'fc.conv.bias' of int"),
}


@pytest.mark.parametrize("change, expected", CHANGES.values(), ids=CHANGES.keys())
def test_weights_that_do_not_fit(folder: Path, change: Change, expected: str) -> None:
    state = torch.load(folder / "embedding_model.ckpt", weights_only=True)
    change(state)
    torch.save(state, folder / "embedding_model.ckpt")
    assert expected in refused(folder)


@pytest.mark.parametrize("name", ["norm_embed.weight", "norm_embed.running_var", "fc_embed.bias"])
def test_what_is_folded_must_be_there_too(tmp_path: Path, name: str) -> None:
    folder = speechbrain_hub.write(tmp_path, "resnet")
    state = torch.load(folder / "embedding_model.ckpt", weights_only=True)
    whole = state.pop(name)
    torch.save(state, folder / "embedding_model.ckpt")
    assert f"no tensor {name!r}" in refused(folder)
    torch.save(state | {name: whole[1:]}, folder / "embedding_model.ckpt")
    assert f"{name!r} of shape (23,)" in refused(folder)


SETTINGS = {
    "another class": (
        "ECAPA_TDNN.ECAPA_TDNN",
        "ECAPA_TDNN.EcapaTdnn",
        "expected 'speechbrain.lobes.models.ECAPA_TDNN.ECAPA_TDNN', perhaps",
    ),
    "no class": ("!new:speechbrain.lobes.models.ECAPA_TDNN.ECAPA_TDNN", "", "embedding_model"),
    "no encoder": ("embedding_model: !new", "model: !new", "no embedding_model"),
    "unknown argument": (
        "attention_channels",
        "attention_chanels",
        "'attention_channels', perhaps",
    ),
    "fixed argument": ("[5, 3, 3, 3, 1]", "[5, 3, 5, 3, 1]", "expected [5, 3, 3, 3, 1]"),
    "no number": ("lin_neurons: 24", "lin_neurons: many", "'many'; expected a whole number"),
    "an expression": ("lin_neurons: 24", "lin_neurons: !ref <n_mels> * 2", "!ref <n_mels> * 2"),
    "uneven": ("[64, 64, 64, 64, 96]", "[64, 64, 32, 64, 96]", "[64, 64, 64, 64] first"),
    "too few": ("[64, 64, 64, 64, 96]", "[64, 64, 96]", "embedding_model.channels [64, 64, 96]"),
    "other features": ("n_mels: !ref <n_mels>", "n_mels: 40", "compute_features.n_mels, 40"),
    "no input": ("    input_size: !ref <n_mels>\n", "", "no embedding_model.input_size"),
    "global norm": ("norm_type: sentence", "norm_type: global", "mean_var_norm of {'norm_type'"),
    "a circle": ("n_mels: 80", "n_mels: !ref <n_mels>", "recursion"),
    "no YAML": ("n_mels: 80", "n_mels: [80", "expected a mapping in YAML"),
    "code": ("n_mels: 80", "n_mels: !!python/object/apply:os.getcwd []", "could not determine"),
}


@pytest.mark.parametrize("old, new, expected", SETTINGS.values(), ids=SETTINGS.keys())
def test_settings_that_cannot_be_read(folder: Path, old: str, new: str, expected: str) -> None:
    path = folder / "hyperparams.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    assert expected in refused(folder)


def test_nothing_that_the_settings_name_is_run(folder: Path, tmp_path: Path) -> None:
    path = folder / "hyperparams.yaml"
    trap = f"seed: !apply:pathlib.Path.touch [!new:pathlib.Path ['{tmp_path / 'trap'}']]\n"
    path.write_text(trap + path.read_text(encoding="utf-8"), encoding="utf-8")
    speechbrain.read(folder).build()
    assert not (tmp_path / "trap").exists()


@pytest.mark.parametrize("file", ["hyperparams.yaml", "embedding_model.ckpt"])
def test_a_file_that_is_missing_is_named(folder: Path, file: str) -> None:
    (folder / file).unlink()
    assert file in refused(folder) and "No such file" in refused(folder)


class Trap:
    """Unpickled, it would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[Path]]:
        return Path.touch, (self.path,)


def pickled(content: object, path: Path) -> None:
    path.write_bytes(pickle.dumps(content, protocol=2))


@pytest.mark.parametrize("save", [torch.save, pickled])
def test_a_pickle_with_code_is_refused(
    folder: Path, tmp_path: Path, save: Callable[[object, Path], object]
) -> None:
    save({"fc.conv.bias": Trap(tmp_path / "trap")}, folder / "embedding_model.ckpt")
    assert "no readable weights" in refused(folder)
    assert not (tmp_path / "trap").exists()
