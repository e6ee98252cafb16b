"""Folders as SpeechBrain's speaker models have them on the hub, with weights of chance."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from speechbrain.dataio.encoder import CategoricalEncoder
from speechbrain.lobes.models import ECAPA_TDNN, ResNet, Xvector
from speechbrain.processing.features import InputNormalization
from tiny_models import randomise
from torch import nn

TEXT = """# ######
# Model: for speaker verification
# ######

n_mels: {bands}

# Where the pretrained files are
pretrained_path: {folder}

out_n_neurons: 7

compute_features: !new:speechbrain.lobes.features.Fbank
    n_mels: !ref <n_mels>

mean_var_norm: !new:speechbrain.processing.features.InputNormalization
    norm_type: sentence
    std_norm: False

embedding_model: !new:speechbrain.lobes.models.{model}

classifier: !new:speechbrain.lobes.models.{classifier}
    out_neurons: !ref <out_n_neurons>

mean_var_norm_emb: !new:speechbrain.processing.features.InputNormalization
    norm_type: global
    std_norm: False

modules:
    compute_features: !ref <compute_features>
    mean_var_norm: !ref <mean_var_norm>
    embedding_model: !ref <embedding_model>
    mean_var_norm_emb: !ref <mean_var_norm_emb>
    classifier: !ref <classifier>

label_encoder: !new:speechbrain.dataio.encoder.CategoricalEncoder

pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
    loadables:
        embedding_model: !ref <embedding_model>
        mean_var_norm_emb: !ref <mean_var_norm_emb>
        classifier: !ref <classifier>
        label_encoder: !ref <label_encoder>
    paths:
        embedding_model: !ref <pretrained_path>/embedding_model.ckpt
        mean_var_norm_emb: !ref <pretrained_path>/mean_var_norm_emb.ckpt
        classifier: !ref <pretrained_path>/classifier.ckpt
        label_encoder: !ref <pretrained_path>/label_encoder.txt
"""


@dataclass(frozen=True)
class Published:
    """One of the three, with the sizes that it is published with."""

    bands: int
    dim: int
    model: str
    classifier: str
    widths: tuple[int, ...]


ECAPA = Published(
    bands=80,
    dim=192,
    model="""ECAPA_TDNN.ECAPA_TDNN
    input_size: !ref <n_mels>
    channels: {widths}
    kernel_sizes: [5, 3, 3, 3, 1]
    dilations: [1, 2, 3, 4, 1]
    attention_channels: 128
    lin_neurons: {dim}""",
    classifier="ECAPA_TDNN.Classifier\n    input_size: {dim}",
    widths=(1024, 1024, 1024, 1024, 3072),
)
RESNET = Published(
    bands=80,
    dim=256,
    model="""ResNet.ResNet
    input_size: !ref <n_mels>
    channels: {widths}
    strides: [1, 2, 2, 2]
    block_sizes: [3, 4, 6, 3]
    lin_neurons: {dim}""",
    classifier="ResNet.Classifier\n    input_size: {dim}",
    widths=(128, 128, 256, 256),
)
XVECTOR = Published(
    bands=24,
    dim=512,
    model="""Xvector.Xvector
    in_channels: !ref <n_mels>
    activation: !name:torch.nn.LeakyReLU
    tdnn_blocks: 5
    tdnn_channels: {widths}
    tdnn_kernel_sizes: [5, 3, 3, 1, 1]
    tdnn_dilations: [1, 2, 3, 1, 1]
    lin_neurons: {dim}""",
    classifier="""Xvector.Classifier
    input_shape: [null, null, {dim}]
    activation: !name:torch.nn.LeakyReLU
    lin_blocks: 1
    lin_neurons: {dim}""",
    widths=(512, 512, 512, 512, 1500),
)

PUBLISHED = {"ecapa": ECAPA, "resnet": RESNET, "xvector": XVECTOR}
NARROW = {
    "ecapa": (64, 64, 64, 64, 96),
    "resnet": (8, 8, 16, 16),
    "xvector": (32, 32, 32, 32, 48),
}


def encoder_of(name: str, widths: tuple[int, ...], dim: int) -> nn.Module:
    """SpeechBrain's encoder, as the text names it."""
    bands, channels = PUBLISHED[name].bands, list(widths)
    makers: dict[str, Callable[[], nn.Module]] = {
        "ecapa": lambda: ECAPA_TDNN.ECAPA_TDNN(bands, channels=channels, lin_neurons=dim),
        "resnet": lambda: ResNet.ResNet(bands, channels=channels, lin_neurons=dim),
        "xvector": lambda: Xvector.Xvector(
            tdnn_channels=channels, lin_neurons=dim, in_channels=bands
        ),
    }
    return makers[name]()


def classifier_of(name: str, dim: int) -> nn.Module:
    """SpeechBrain's classifier, as the text names it."""
    makers: dict[str, Callable[[], nn.Module]] = {
        "ecapa": lambda: ECAPA_TDNN.Classifier(dim, out_neurons=7),
        "resnet": lambda: ResNet.Classifier(dim, out_neurons=7),
        "xvector": lambda: Xvector.Classifier([None, None, dim], lin_neurons=dim, out_neurons=7),
    }
    return makers[name]()


def write_text(folder: Path, name: str, widths: tuple[int, ...], dim: int) -> None:
    """`hyperparams.yaml` alone."""
    published = PUBLISHED[name]
    text = TEXT.format(
        bands=published.bands,
        folder=folder,
        model=published.model.format(widths=list(widths), dim=dim),
        classifier=published.classifier.format(dim=dim),
    )
    (folder / "hyperparams.yaml").write_text(text, encoding="utf-8")


def write(folder: Path, name: str, widths: tuple[int, ...] | None = None, dim: int = 24) -> Path:
    """A folder of `name` with random weights and statistics; narrow unless `widths` are given."""
    widths = widths or NARROW[name]
    torch.manual_seed(0)
    encoder = encoder_of(name, widths, dim)
    randomise(encoder)
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder, name, widths, dim)
    torch.save(encoder.state_dict(), folder / "embedding_model.ckpt")
    torch.save(classifier_of(name, dim).state_dict(), folder / "classifier.ckpt")
    norm = InputNormalization(norm_type="global", std_norm=False)
    norm(torch.randn(4, 1, dim), torch.ones(4))
    norm._save(folder / "mean_var_norm_emb.ckpt")
    labels = CategoricalEncoder()
    labels.update_from_iterable(f"id{i}" for i in range(7))
    labels.save(folder / "label_encoder.txt")
    return folder
