"""The speaker network inside WeSep's SpEx+: it reads an enrolment with the extractor's filters."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from joint.errors import CheckpointError
from pretrained.wesep import speaker
from pretrained.wesep.settings import Settings
from pretrained.wesep.tensors import Named, Tensors

LONGER = (80, 160)
"""The two longer filters of SpEx+; no configuration changes them."""
SCALES = ("short", "middle", "long")


def encoder(settings: Settings, tensors: Tensors) -> tuple[dict[str, Any], Named]:
    """The node and the weights of the speaker encoder: one of WeSpeaker's, or the network that
    reads an enrolment with the extractor's own filters. Raises CheckpointError."""
    if settings["spk_feat"]:
        return speaker.encoder(settings, tensors, (0, 0))
    settings.need("joint_training", True)
    settings.need("feat_type", "consistent")
    settings.need("encoder_type", "Multi")
    windows = windows_of(settings)
    filters, size = settings.whole("N", "spk_emb_dim")
    settings.need("N", 256)  # the network's first layer has no other
    node = {
        "_target_": "joint.encoders.encoder.SpeakerEncoder",
        "frontend": {
            "_target_": "joint.encoders.frontends.learned.LearnedFilterbank",
            "filters": filters,
            "windows": windows,
            "hop": windows[0] // 2,
        },
        "backbone": {
            "_target_": "joint.encoders.backbones.spex.SpexSpeakerNetwork",
            "features": 3 * filters,
        },
        "pooling": {
            "_target_": "joint.encoders.pooling.statistics.AveragePooling",
            "_partial_": True,
        },
        "embedding_dim": size,
        "norm": False,
    }
    return node, _speaker_network(tensors, windows, filters, size)


def _speaker_network(tensors: Tensors, windows: list[int], filters: int, size: int) -> Named:
    found: Named = {}
    for i, (window, scale) in enumerate(zip(windows, SCALES, strict=True)):
        # the extractor has these filters too: one tensor there, two here
        name = f"encoder.encoder_1d_{scale}"
        found |= filters_of(tensors.look, name, f"frontend.scales.{i}", filters, window)
    name = "spk_model.aux_enc3"
    found["backbone.norm.weight"] = tensors.take(f"{name}.0.weight", 3 * filters)
    found["backbone.norm.bias"] = tensors.take(f"{name}.0.bias", 3 * filters)
    found |= tensors.linear(f"{name}.1", "backbone.input", 256, 3 * filters, conv=1)
    for i, (inputs, outputs) in enumerate(((256, 256), (256, 512), (512, 512))):
        found |= _speaker_block(tensors, f"{name}.{i + 2}", f"backbone.blocks.{i}", inputs, outputs)
    return found | tensors.linear(f"{name}.5", "projection", size, 512, conv=1)


def _speaker_block(tensors: Tensors, theirs: str, ours: str, inputs: int, outputs: int) -> Named:
    layers = {"conv1": ("first", inputs), "conv2": ("second", outputs)}
    if inputs != outputs:
        layers["conv_downsample"] = ("shortcut", inputs)
    found = {
        f"{ours}.{name}.weight": tensors.take(f"{theirs}.{layer}.weight", outputs, width, 1)[..., 0]
        for layer, (name, width) in layers.items()
    }
    for number, name in ((1, "first_norm"), (2, "second_norm")):
        for kind in ("weight", "bias", "running_mean", "running_var"):
            value = tensors.take(f"{theirs}.batch_norm{number}.{kind}", outputs)
            found[f"{ours}.{name}.{kind}"] = value
        tensors.left.pop(f"{theirs}.batch_norm{number}.num_batches_tracked", None)
    for number, name in ((1, "between"), (2, "after")):
        found[f"{ours}.{name}.weight"] = tensors.take(f"{theirs}.prelu{number}.weight", 1)
    return found


def filters_of(
    take: Callable[..., Tensor], theirs: str, ours: str, filters: int, window: int
) -> Named:
    """Learned filters, a convolution of the waveform there."""
    return {
        f"{ours}.weight": take(f"{theirs}.weight", filters, 1, window)[:, 0],
        f"{ours}.bias": take(f"{theirs}.bias", filters),
    }


def windows_of(settings: Settings) -> list[int]:
    """Lengths of the filters. Raises CheckpointError for an encoder that has no equal here."""
    (first,) = settings.whole("L")
    if settings["encoder_type"] == "Multi":
        if first >= LONGER[0] or first < 2:
            raise CheckpointError(settings.where("L"), str(first), f"2 to {LONGER[0] - 1}")
        return [first, *LONGER]
    if settings["encoder_type"]:
        settings.need("encoder_type", "Multi", False, None)
    return [first]
