"""WeSep's configurations that have no equal here: one line that names the key."""

from pathlib import Path
from typing import Any

import pytest
from wesep_checkpoint import Golden, published

from joint.errors import CheckpointError
from pretrained.wesep import reader as wesep

SMALL = "bsrnn_multiply"

ARGUMENTS: dict[str, tuple[dict[str, Any], str]] = {
    "unknown argument": ({"num_repeats": 4}, "num_repeat"),
    "no speaker encoder": ({"joint_training": False}, "joint_training: found False"),
    "an unknown speaker model": (
        {"spk_model": "ResNet35"},
        "tse_model.spk_model: found 'ResNet35'",
    ),
    "a wrong argument of it": ({"spk_args": {"in_plane": 4}}, "tse_model.spk_args.in_plane"),
    "no arguments of it": ({"spk_args": None}, "spk_args: found None"),
    "another size of embedding": ({"spk_emb_dim": 256}, "spk_emb_dim: found 256; expected 16"),
    "an unknown fusion": ({"spk_fuse_type": "multiplied"}, "expected multiply"),
    "no size": ({"feature_dim": "many"}, "feature_dim: found 'many'"),
    "another rate": ({"sr": 8000}, "tse_model.sr: found a model of 8000 Hz; expected 16000"),
    "bands of no width": ({"win": 128}, "tse_model.win: found 128"),
    "a transform of another size": ({"use_spk_transform": True}, "spk_emb_dim: found 16"),
    "features of the waveform": ({"spk_feat": False, "feat_type": "raw"}, "feat_type: found 'raw'"),
    "other sizes": ({"feature_dim": 16}, "of shape"),
}


OTHERS: list[tuple[str, dict[str, Any], str]] = [
    ("bsrnn_tfmap", {"spectral_feat": "tfmap"}, "spectral_feat: found 'tfmap'; expected tfmap_"),
    ("bsrnn_tfmap", {"spectral_feat": "tfmap_emb"}, "spk_fuse_type: found 'multiply'"),
    ("bsrnn_tfmap", {"spk_fuse_type": False}, "spk_fuse_type: found False"),
    ("bsrnn_tfmap", {"spk_fuse_type": "cross_multiply"}, "spk_model: found 'ResNet18'"),
    ("bsrnn_context", {"spk_fuse_type": "cross_FiLM"}, "spk_fuse_type: found 'cross_FiLM'"),
    ("bsrnn_context", {"multi_fuse": True}, "multi_fuse: found True; expected False"),
    ("bsrnn_context", {"use_spk_transform": True}, "use_spk_transform: found True"),
    ("bsrnn_tfmap", {"spk_feat": True}, "spk_feat: found True; expected False"),
    ("dpccn_film", {"causal": True}, "causal: found True"),
    ("dpccn_film", {"feature_dim": 257}, "feature_dim: found 257; expected 129"),
    ("dpccn_film", {"pool_size": [4, 8]}, "pool_size: found [4, 8]; expected four sizes"),
    ("dpccn_film", {"stride2": [1, 3]}, "stride2: found [1, 3]"),
    ("tfgridnet_concat", {"n_imics": 2}, "n_imics: found 2"),
    ("tfgridnet_concat", {"attn_n_head": 3}, "heads"),
    ("spex_plus", {"decoder_type": "Deep"}, "decoder_type: found 'Deep'"),
    ("spex_plus", {"encoder_type": "Deep", "decoder_type": "Deep"}, "encoder_type: found 'Deep'"),
    ("spex_plus", {"norm": "cLN"}, "norm: found 'cLN'; expected 'gLN'"),
    ("spex_plus", {"L": 90}, "L: found 90"),
    ("spex_plus", {"N": 128}, "N: found 128; expected 256"),
    ("spex_plus", {"spk_fuse_type": "FiLM"}, "spk_fuse_type: found 'FiLM'"),
    ("convtasnet", {"spk_fuse_type": "concatConv"}, "spk_fuse_type: found 'concatConv'"),
    ("convtasnet", {"P": 5}, "dwconv.weight' of shape (12, 1, 3)"),
]


@pytest.mark.parametrize(
    "name, given, line", [*((SMALL, *case) for case in ARGUMENTS.values()), *OTHERS]
)
def test_arguments_without_an_equal(
    name: str, given: dict[str, Any], line: str, tmp_path: Path
) -> None:
    golden = Golden.load(name)
    golden.model_args.update(given)
    with pytest.raises(CheckpointError) as caught:
        wesep.read(published(golden, tmp_path)).model()
    assert line in str(caught.value) and str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


CONFIGS: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown model": ({"model": {"tse_model": "BSRN"}}, "model.tse_model: found 'BSRN'"),
    "no arguments": ({"model_args": {}}, "model_args.tse_model: found None"),
    "another rate": ({"dataset_args": {"resample_rate": 8000}}, "a model of 8000 Hz"),
    "other features": (
        {"dataset_args": {"fbank_args": {"num_mel_bins": 16, "frame_length": 32}}},
        "dataset_args.fbank_args.frame_length: found 32; expected 25",
    ),
}


@pytest.mark.parametrize("config, line", CONFIGS.values(), ids=CONFIGS.keys())
def test_a_configuration_without_an_equal(
    config: dict[str, Any], line: str, tmp_path: Path
) -> None:
    with pytest.raises(CheckpointError) as caught:
        wesep.read(published(Golden.load(SMALL), tmp_path, **config))
    assert line in str(caught.value) and str(tmp_path) in str(caught.value)
