"""SpeechBrain's speaker encoders: ECAPA-TDNN, its ResNet and its x-vector.

A folder as on the hub holds `hyperparams.yaml`, the weights in `embedding_model.ckpt`, and what
serves its classifier. What is read is what `EncoderClassifier.encode_batch` gives without
`normalize`, its default.
"""

from pathlib import Path

from torch import Tensor

from joint.errors import CheckpointError
from pretrained.foreign import ForeignModel, read_pickle
from pretrained.speechbrain import tagged_yaml
from pretrained.speechbrain.ecapa import ECAPA
from pretrained.speechbrain.resnet import RESNET
from pretrained.speechbrain.settings import Part, arguments
from pretrained.speechbrain.xvector import XVECTOR

HYPERPARAMETERS = "hyperparams.yaml"
WEIGHTS = "embedding_model.ckpt"
BESIDE = ("mean_var_norm_emb.ckpt", "classifier.ckpt", "label_encoder.txt", "label_encoder.ckpt")

FEATURES = {
    "speechbrain.lobes.features.Fbank": Part(
        free={"n_mels": 40},
        fixed={
            "deltas": False,
            "context": False,
            "requires_grad": False,
            "sample_rate": 16000,
            "f_min": 0,
            "f_max": 8000,
            "n_fft": 400,
            "filter_shape": "triangular",
            "win_length": 25,
            "hop_length": 10,
        },
        # of frames beside each other, which `context` leaves out, and of training
        idle=("left_frames", "right_frames", "param_change_factor", "param_rand_factor"),
    )
}
NORMALISATION = {
    "speechbrain.processing.features.InputNormalization": Part(
        free={"norm_type": "global", "std_norm": True},
        fixed={"mean_norm": True},
        idle=("avg_factor", "update_until_epoch", "avoid_padding_norm", "epsilon", "device"),
    )
}
SENTENCE = {"norm_type": "sentence", "std_norm": False}
ARCHITECTURES = {
    "speechbrain.lobes.models.ECAPA_TDNN.ECAPA_TDNN": ECAPA,
    "speechbrain.lobes.models.ResNet.ResNet": RESNET,
    "speechbrain.lobes.models.Xvector.Xvector": XVECTOR,
}


def recognises(folder: Path) -> bool:
    """Whether `folder` looks like one of SpeechBrain's."""
    return (folder / HYPERPARAMETERS).is_file() or (folder / WEIGHTS).is_file()


def read(folder: Path) -> ForeignModel:
    """The encoder of a folder as on the hub.

    Raises CheckpointError where a file is missing or unreadable, or names another model or another
    setting than this project's encoder can be given.
    """
    path = folder / HYPERPARAMETERS
    settings = tagged_yaml.read(path)
    features = arguments(settings, "compute_features", FEATURES, path)[1]
    norm = arguments(settings, "mean_var_norm", NORMALISATION, path)[1]
    if norm != SENTENCE:
        raise CheckpointError(path, f"mean_var_norm of {norm}", str(SENTENCE))
    name, given = arguments(settings, "embedding_model", ARCHITECTURES, path)
    architecture = ARCHITECTURES[name]
    bands = given[architecture.bands]
    if bands != features["n_mels"]:
        found = f"embedding_model.{architecture.bands} {bands}"
        raise CheckpointError(path, found, f"compute_features.n_mels, {features['n_mels']}")
    node = {
        "_target_": "joint.encoders.encoder.SpeakerEncoder",
        "frontend": {
            "_target_": "joint.encoders.frontends.speechbrain.SpeechBrainFilterbank",
            "bins": bands,
        },
        **architecture.encoder(given, path),
        "embedding_dim": given["lin_neurons"],
    }
    weights = folder / WEIGHTS
    tensors = architecture.tensors(weights_of(weights), given, weights)
    left_out = tuple(file for file in BESIDE if (folder / file).is_file())
    return ForeignModel("speechbrain", weights, node, tensors, left_out)


def weights_of(path: Path) -> dict[str, Tensor]:
    """The named tensors of a file. Raises CheckpointError."""
    content = read_pickle(path)
    for key, value in content.items():
        if not isinstance(value, Tensor):
            raise CheckpointError(path, f"{key!r} of {type(value).__name__}", "tensors alone")
    return content
