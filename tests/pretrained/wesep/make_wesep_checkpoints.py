"""Writes tests/pretrained/wesep/golden/*.safetensors with WeSep's own models.

    PYTHONPATH=tests/pretrained:tests/pretrained/wesep \\
        python tests/pretrained/wesep/make_wesep_checkpoints.py WESEP WESPEAKER [NAME …]

WESEP and WESPEAKER are clones of github.com/wenet-e2e/wesep and github.com/wenet-e2e/wespeaker. Not
a test: run it to add a model, and see that the files of the others stay as they were.
"""

import sys
import types
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torchaudio.compliance import kaldi
from wesep_checkpoint import DATA, Golden, bins_of, enrolment, mixture

RESNET = {"feat_dim": 16, "embed_dim": 16, "pooling_func": "TSTP", "two_emb_layer": False}
ECAPA = {"feat_dim": 16, "embed_dim": 16, "pooling_func": "ASTP"}
CAMPPLUS = {"feat_dim": 16, "embed_dim": 16, "growth_rate": 8, "init_channels": 16}

SMALL_BSRNN = {
    "sr": 16_000,
    "win": 512,
    "stride": 128,
    "feature_dim": 8,
    "num_repeat": 2,
    "use_spk_transform": False,
    "joint_training": True,
    "spk_emb_dim": 16,
    "feat_type": "consistent",
}
SMALL_TASNET = {
    "B": 8,
    "H": 12,
    "X": 3,
    "R": 2,
    "use_spk_transform": False,
    "joint_training": True,
    "spk_emb_dim": 16,
}
SIMAM = {"in_planes": 4, "embed_dim": 16, "acoustic_dim": 16}
RESNET_SPEAKER = {"spk_model": "ResNet18", "spk_args": RESNET}

MODELS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "bsrnn_multiply": (
        "bsrnn",
        "BSRNN",
        {
            **SMALL_BSRNN,
            "spk_model": "SimAM_ResNet34_ASP",
            "spk_args": SIMAM,
            "spk_fuse_type": "multiply",
            "multi_fuse": False,
            "spk_feat": True,
        },
    ),
    "bsrnn_concat_mel": (
        "bsrnn",
        "BSRNN",
        {
            **SMALL_BSRNN,
            "spk_model": "ECAPA_TDNN_GLOB_c512",
            "spk_args": ECAPA,
            "spk_fuse_type": "concat",
            "multi_fuse": True,
            "spk_feat": False,
            "multi_task": True,
            "spksInTrain": 5,
        },
    ),
    "bsrnn_film": (
        "bsrnn",
        "BSRNN",
        {
            **SMALL_BSRNN,
            "spk_model": "CAMPPlus",
            "spk_args": CAMPPLUS,
            "spk_fuse_type": "FiLM",
            "multi_fuse": True,
            "spk_feat": True,
        },
    ),
    "bsrnn_transform": (
        "bsrnn",
        "BSRNN",
        {
            **SMALL_BSRNN,
            "spk_model": "ResNet18",
            "spk_args": {**RESNET, "embed_dim": 256},
            "spk_emb_dim": 256,
            "spk_fuse_type": "additive",
            "multi_fuse": False,
            "spk_feat": False,
            "use_spk_transform": True,
        },
    ),
    "bsrnn_multi": (
        "bsrnn_multi_optim",
        "BSRNN_Multi",
        {
            **SMALL_BSRNN,
            **RESNET_SPEAKER,
            "spk_fuse_type": "multiply",
            "multi_fuse": True,
            "spk_feat": False,
        },
    ),
    "bsrnn_tfmap": (
        "bsrnn_feats",
        "BSRNN_Feats",
        {
            **SMALL_BSRNN,
            **RESNET_SPEAKER,
            "spectral_feat": "tfmap_spec",
            "spk_fuse_type": "multiply",
            "multi_fuse": False,
            "spk_feat": False,
        },
    ),
    "bsrnn_context": (
        "bsrnn_feats",
        "BSRNN_Feats",
        {
            **SMALL_BSRNN,
            "spk_model": "ECAPA_TDNN_GLOB_c512",
            "spk_args": {**ECAPA, "feat_dim": 80},
            "spectral_feat": "tfmap_emb",
            "spk_fuse_type": "cross_multiply",
            "multi_fuse": False,
            "spk_feat": False,
        },
    ),
    "bsrnn_attention": (
        "bsrnn_feats",
        "BSRNN_Feats",
        {
            **SMALL_BSRNN,
            "spk_model": "ECAPA_TDNN_c512",
            "spk_args": ECAPA,
            "spectral_feat": False,
            "spk_fuse_type": "cross_concat",
            "multi_fuse": False,
            "spk_feat": False,
        },
    ),
    "dpccn_film": (
        "dpccn",
        "DPCCN",
        {
            **RESNET_SPEAKER,
            "spk_emb_dim": 16,
            "win": 256,
            "stride": 128,
            "feature_dim": 129,
            "tcn_blocks": 2,
            "tcn_layers": 2,
            "pool_size": [2, 4, 8, 16],
            "spk_fuse_type": "FiLM",
            "spk_feat": False,
        },
    ),
    "tfgridnet_concat": (
        "tfgridnet",
        "TFGridNet",
        {
            "spk_model": "SimAM_ResNet34_ASP",
            "spk_args": SIMAM,
            "spk_emb_dim": 16,
            "n_fft": 64,
            "stride": 32,
            "n_layers": 2,
            "lstm_hidden_units": 12,
            "attn_n_head": 2,
            "attn_approx_qk_dim": 64,
            "emb_dim": 8,
            "emb_ks": 2,
            "emb_hs": 1,
            "spk_fuse_type": "concat",
            "spk_feat": True,
        },
    ),
    "spex_plus": (
        "convtasnet",
        "ConvTasNet",
        {
            **SMALL_TASNET,
            "N": 256,
            "L": 20,
            "spk_fuse_type": "concatConv",
            "encoder_type": "Multi",
            "decoder_type": "Multi",
            "multi_task": True,
            "spksInTrain": 5,
        },
    ),
    "convtasnet": (
        "convtasnet",
        "ConvTasNet",
        {
            **SMALL_TASNET,
            "N": 12,
            "L": 16,
            "spk_fuse_type": "concat",
            "encoder_type": False,
            "decoder_type": False,
            "spk_model": "SimAM_ResNet34_ASP",
            "spk_args": SIMAM,
            "spk_feat": True,
        },
    ),
}


def wesep(wesep_checkout: Path, wespeaker_checkout: Path) -> None:
    """Make `wesep.models` importable with the models of WeSpeaker that need nothing but torch."""
    for name, checkout in (("wesep", wesep_checkout), ("wespeaker", wespeaker_checkout)):
        package = types.ModuleType(name)
        package.__path__ = [str(checkout / name)]
        sys.modules[name] = package
    for name in ("wesep.models", "wesep.modules"):
        package = types.ModuleType(name)
        package.__path__ = [str(wesep_checkout / name.replace(".", "/"))]
        sys.modules[name] = package
    choice = types.ModuleType("wespeaker.models.speaker_model")
    choice.get_speaker_model = speaker_model  # type: ignore[attr-defined]
    sys.modules[choice.__name__] = choice


def speaker_model(name: str) -> Any:
    """The class of a speaker model."""
    modules = {"ResNet": "resnet", "ECAPA": "ecapa_tdnn", "CAMPP": "campplus", "SimAM": "samresnet"}
    (module,) = (file for start, file in modules.items() if name.startswith(start))
    return getattr(import_module(f"wespeaker.models.{module}"), name)


def features(bins: int) -> Tensor:
    """An enrolment's features `(1, F, bins)`, as wesep/dataset/processor.py makes them, without
    dither."""
    found = kaldi.fbank(
        32_768.0 * enrolment()[None],
        num_mel_bins=bins,
        sample_frequency=16_000,
        window_type="hamming",
        use_energy=False,
    )
    return (found - found.mean(dim=0))[None]


@torch.inference_mode()
def golden(module: str, name: str, arguments: dict[str, Any]) -> Golden:
    """What the model with drawn weights extracts."""
    model = getattr(import_module(f"wesep.models.{module}"), name)(**arguments).eval()
    shapes = {key: list(value.shape) for key, value in model.state_dict().items()}
    made = Golden(name, arguments, shapes, torch.empty(0))
    model.load_state_dict(made.tensors())
    given = enrolment()[None]
    if arguments.get("spk_feat"):
        given = features(bins_of(arguments))
    # what is no whole frame ConvTasNet cuts off
    mixed = mixture()[:6400] if name == "ConvTasNet" else mixture()
    extracted = model(mixed[None], given)
    if isinstance(extracted, tuple | list):
        extracted = extracted[0]
    return Golden(name, arguments, shapes, extracted[0].flatten().clone())


if __name__ == "__main__":
    wesep(Path(sys.argv[1]), Path(sys.argv[2]))
    DATA.mkdir(exist_ok=True)
    for file in sys.argv[3:] or MODELS:
        found = golden(*MODELS[file])
        found.save(file)
        print(file, found.extracted.shape, f"{found.extracted.abs().max():.3g}")
