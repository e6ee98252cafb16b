"""WeSpeaker's checkpoints: the same embeddings, and one line for what does not fit."""

import inspect
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from drawing import waveform
from hydra.utils import get_object
from torch import Tensor
from wespeaker_golden import DATA, Golden, published

from joint.encoders.encoder import SpeakerEncoder
from joint.errors import CheckpointError
from pretrained.wespeaker import reader as wespeaker
from pretrained.wespeaker.models import MODELS

SMALL = DATA / "simam_resnet34.json"


@torch.inference_mode()
def embedded(encoder: SpeakerEncoder, *waveforms: Tensor) -> Tensor:
    lengths = torch.tensor([len(w) for w in waveforms])
    batch = torch.nn.utils.rnn.pad_sequence(list(waveforms), batch_first=True)
    return encoder(batch, lengths).embedding


@pytest.mark.parametrize("path", sorted(DATA.glob("*.json")), ids=lambda path: path.stem)
def test_gives_the_embedding_that_wespeaker_gives(path: Path, tmp_path: Path) -> None:
    golden = Golden.load(path)
    foreign = wespeaker.read(published(golden, tmp_path))
    assert foreign.left_out == ("projection.weight",)
    encoder = foreign.build()
    voice = waveform()
    found = embedded(encoder, voice, voice[:9000])
    expected = torch.tensor(golden.embedding)
    largest = float(expected.abs().max())
    torch.testing.assert_close(found[0], expected, rtol=0, atol=1e-4 * largest)
    assert (found[1] - expected).abs().max() > 0.01 * largest, "the voice decides nothing"


@pytest.mark.parametrize("name", MODELS)
def test_every_model_has_its_backbone(name: str) -> None:
    """Golden outputs take a second each: of the larger models there is what they are built from."""
    architecture = MODELS[name]
    backbone = get_object(architecture.backbone)
    taken = {*architecture.sizes.values(), *architecture.fixed}
    assert issubclass(backbone, torch.nn.Module)
    assert taken <= set(inspect.signature(backbone).parameters)
    assert set(architecture.sizes) <= set(architecture.arguments)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A whole checkpoint."""
    return published(Golden.load(SMALL), tmp_path / "checkpoint")


def test_recognised(small: Path, tmp_path: Path) -> None:
    assert wespeaker.recognises(small)
    assert wespeaker.recognises(small / "avg_model.pt")
    assert not wespeaker.recognises(small / "config.yaml")
    assert not wespeaker.recognises(tmp_path)


def test_a_training_s_folder_and_the_file_itself(small: Path) -> None:
    expected = wespeaker.read(small)
    from_file = wespeaker.read(small / "avg_model.pt")
    (small / "models").mkdir()
    (small / "avg_model.pt").rename(small / "models" / "avg_model.pt")
    from_training = wespeaker.read(small)
    assert from_file.encoder == from_training.encoder == expected.encoder


Change = Callable[[dict[str, Tensor]], object]
WRONG: dict[str, tuple[Change, str]] = {
    "missing": (lambda t: t.pop("front.layer2.0.conv1.weight"), "stages.1.0.conv1.weight"),
    "too many": (lambda t: t.update(wrong=torch.ones(2)), "'wrong' too many"),
    "misshapen": (
        lambda t: t.update({"bottleneck.weight": torch.ones(3, 5)}),
        "'projection.weight' of shape (3, 5)",
    ),
    "no tensor": (lambda t: t.update(step=7), "'step', a int"),
}


@pytest.mark.parametrize("change, line", WRONG.values(), ids=WRONG.keys())
def test_tensors_that_do_not_fit(small: Path, change: Change, line: str) -> None:
    tensors = Golden.load(SMALL).tensors()
    change(tensors)
    torch.save(tensors, small / "avg_model.pt")
    with pytest.raises(CheckpointError) as caught:
        wespeaker.read(small).build()
    assert line in str(caught.value) and str(small) in str(caught.value)


SHAPES: dict[str, tuple[str, str, list[int]]] = {
    "attention of a global context": ("ecapa_glob_c512", "pool.linear1.weight", [128, 1537, 1]),
    "norm after the embedding": ("ecapa_glob_c512", "bn2.running_var", [3]),
    "a point of a Res2 block": ("ecapa_c512", "layer2.se_res2block.2.conv.weight", [512]),
    "one head of several": ("resnet18_mqmhastp", "pool.n_query.1.heads_att_trans.3.att_0.bias", []),
}


@pytest.mark.parametrize("file, name, shape", SHAPES.values(), ids=SHAPES.keys())
@pytest.mark.parametrize("missing", [False, True])
def test_tensors_that_are_taken_apart_or_together(
    tmp_path: Path, file: str, name: str, shape: list[int], missing: bool
) -> None:
    golden = Golden.load(DATA / f"{file}.json")
    tensors = {key: torch.zeros(size) for key, size in golden.shapes.items()}
    del tensors[name]
    published(golden, tmp_path)
    torch.save(
        tensors if missing else tensors | {name: torch.ones(shape)}, tmp_path / "avg_model.pt"
    )
    with pytest.raises(CheckpointError, match="no tensor" if missing else "shape"):
        wespeaker.read(tmp_path).build()


CONFIGS: dict[str, tuple[dict[str, Any], str]] = {
    "unknown model": ({"model": "ECAPA_TDNN_GLOB_c51"}, "ECAPA_TDNN_GLOB_c512"),
    "no model": ({"model": None}, "None"),
    "unknown argument": ({"model_args": {"in_plane": 4}}, "in_planes"),
    "no arguments": ({"model_args": [3]}, "[3]"),
    "a type that is wrong": ({"model_args": {"embed_dim": "many"}}, "embedding_dim"),
    "another front-end": ({"dataset_args": {"frontend": "s3prl"}}, "s3prl"),
    "other bins": ({"dataset_args": {"fbank_args": {"num_mel_bins": 40}}}, "40"),
    "another rate": ({"dataset_args": {"resample_rate": 8000}}, "8000"),
    "variance normalised": ({"dataset_args": {"cmvn_args": {"norm_var": True}}}, "norm_var"),
}


@pytest.mark.parametrize("config, word", CONFIGS.values(), ids=CONFIGS.keys())
def test_a_configuration_without_an_equal(
    tmp_path: Path, config: dict[str, Any], word: str
) -> None:
    folder = published(Golden.load(SMALL), tmp_path, **config)
    with pytest.raises(CheckpointError) as caught:
        wespeaker.read(folder).build()
    assert word in str(caught.value) and str(folder) in str(caught.value)


def test_arguments_that_are_required(tmp_path: Path) -> None:
    folder = published(Golden.load(SMALL), tmp_path, model="ResNet34", model_args={"feat_dim": 80})
    with pytest.raises(CheckpointError, match="no embed_dim"):
        wespeaker.read(folder)


def test_a_pooling_that_is_unknown(tmp_path: Path) -> None:
    arguments = {"feat_dim": 80, "embed_dim": 8, "pooling_func": "ASTTP"}
    folder = published(Golden.load(SMALL), tmp_path, model="ResNet34", model_args=arguments)
    with pytest.raises(CheckpointError, match=r"pooling_func.*ASTP"):
        wespeaker.read(folder)


@pytest.mark.parametrize("text", [None, "model: [", "- a list", "\x00"])
def test_a_configuration_that_cannot_be_read(small: Path, text: str | None) -> None:
    config = small / "config.yaml"
    config.unlink()
    if text is not None:
        config.write_text(text)
    with pytest.raises(CheckpointError) as caught:
        wespeaker.read(small)
    assert str(config) in str(caught.value) and "\n" not in str(caught.value)


class Bomb:
    """Unpickling it writes a file: the proof that somebody did."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[type[Path.touch], tuple[Path]]:
        return Path.touch, (self.path,)  # type: ignore[return-value]


@pytest.mark.parametrize("kind", ["pickle", "torch", "words", "empty", "truncated"])
def test_weights_that_are_no_tensors(small: Path, tmp_path: Path, kind: str) -> None:
    weights, proof = small / "avg_model.pt", tmp_path / "proof"
    content = {
        "pickle": pickle.dumps(Bomb(proof)),
        "words": b"words " * 99,
        "empty": b"",
        "truncated": weights.read_bytes()[:-1000],
    }
    if kind == "torch":
        torch.save({"model": Bomb(proof)}, weights)
    else:
        weights.write_bytes(content[kind])
    with pytest.raises(CheckpointError) as caught:
        wespeaker.read(small)
    assert str(weights) in str(caught.value) and not proof.exists()
