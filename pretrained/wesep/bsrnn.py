"""WeSep's BSRNN: `BSRNN`; `BSRNN_Multi`, the same network, trained with the speech that it extracts
as a second enrolment; `BSRNN_Feats`, with the expected spectrum of the target as a further input.
"""

import math
from typing import Any

import torch
from torch import Tensor

from joint.errors import CheckpointError
from joint.units import SAMPLE_RATE
from pretrained.wesep import context, speaker
from pretrained.wesep.settings import SPEAKER, Settings
from pretrained.wesep.tensors import Named, Tensors
from tasks.extraction.extractors.band_split.bands import PUBLISHED_BANDS, Bands, band_widths

DEFAULTS = {
    **SPEAKER,
    "sr": 16_000,
    "win": 512,
    "stride": 128,
    "feature_dim": 128,
    "num_repeat": 6,
    "use_spk_transform": True,
    "spk_fuse_type": "concat",
    "multi_fuse": True,
}
FEATS_DEFAULTS = {
    **DEFAULTS,
    "use_spk_transform": False,
    "multi_fuse": False,
    "spectral_feat": False,
}


def encoder(settings: Settings, tensors: Tensors) -> tuple[dict[str, Any], Named]:
    """The node and the weights of the speaker encoder. Raises CheckpointError."""
    window, hop = settings.whole("win", "stride")
    context.attends(settings)  # it refuses what has no equal here
    node, ours = speaker.encoder(settings, tensors, (window, hop))
    if settings.values.get("spectral_feat") == "tfmap_emb":
        bins = settings["spk_args"]["feat_dim"]
        node["frontend"] = context.frontend(settings, bins, window, hop)
    return node, ours


def extractor(settings: Settings, tensors: Tensors) -> tuple[dict[str, Any], Named]:
    """The node and the weights of the extractor. Raises CheckpointError."""
    window, hop = settings.whole("win", "stride")
    features, depth = settings.whole("feature_dim", "num_repeat")
    every, tf_map = bool(settings["multi_fuse"]), settings.values.get("spectral_feat") or False
    attends = context.attends(settings)
    if tf_map:
        # from the enrolment's recording itself
        settings.one_of("spectral_feat", ("tfmap_spec", "tfmap_emb"))
        settings.need("spk_feat", False)
    widths = widths_of(settings, window)
    node = {
        "_target_": "tasks.extraction.extractors.band_split.group_norm.GroupNormExtractor",
        "_partial_": True,
        "features": features,
        "depth": depth,
        "window": window,
        "hop": hop,
        "bands": _layout(widths, window),
        "fusion": context.node(settings) if attends else speaker.fusion_node(settings),
        "fuse": "every" if every else "once",
        "tf_map": tf_map == "tfmap_spec",
        "map_layer": context.LAYER if tf_map == "tfmap_emb" else None,
    }
    weights: Named = {}
    place = 0
    for i in range(depth):
        if every or i == 0:
            theirs, ours = f"separator.separation.{place}", f"fusions.{i}"
            read = context.weights if attends else speaker.fusion
            weights |= read(settings, tensors, theirs, ours, features)
            place += 1
        weights |= _block(tensors, f"separator.separation.{place}", f"blocks.{i}", features)
        place += 1
    weights |= _split(tensors, widths, features, 3 if tf_map else 2) | _mask(
        tensors, widths, features
    )
    return speaker.transformed(settings, tensors, node, weights)


def widths_of(settings: Settings, window: int) -> list[int]:
    """Bins of each band. Raises CheckpointError for a window that no band fits into."""
    bins = window // 2 + 1
    widths = [
        math.floor(hertz / (SAMPLE_RATE / 2) * bins)
        for count, hertz in PUBLISHED_BANDS
        for _ in range(count)
    ]
    left = bins - sum(widths)
    if min([left, *widths]) < 1:
        raise CheckpointError(settings.where("win"), str(window), "512, or more bins a band")
    return [*widths, left]


def _layout(widths: list[int], window: int) -> list[list[int]]:
    """`widths` as the extractor's argument: counts and Hertz."""
    bins = window // 2 + 1
    if band_widths(bins, PUBLISHED_BANDS) == widths:
        return [list(run) for run in PUBLISHED_BANDS]
    hertz_a_bin = SAMPLE_RATE / 2 / (bins - 1)
    return [[count, math.ceil(width * hertz_a_bin)] for count, width in Bands(widths[:-1]).runs]


def _block(tensors: Tensors, theirs: str, ours: str, features: int) -> Named:
    """One block: an LSTM along time and one along frequency, of twice the features."""
    found: Named = {}
    for part, name in (("band_rnn", "time"), ("band_comm", "band")):
        there, here = f"{theirs}.{part}", f"{ours}.{name}"
        found[f"{here}.norm.gain"] = tensors.take(f"{there}.norm.weight", features)
        found[f"{here}.norm.shift"] = tensors.take(f"{there}.norm.bias", features)
        found |= lstm(tensors, f"{there}.rnn", f"{here}.lstm", features, 2 * features)
        found |= tensors.linear(f"{there}.proj", f"{here}.projection", features, 4 * features)
    return found


def lstm(tensors: Tensors, theirs: str, ours: str, inputs: int, hidden: int) -> Named:
    """A bidirectional LSTM of one layer."""
    found: Named = {}
    for end in ("l0", "l0_reverse"):
        shapes = {"weight_ih": (inputs,), "weight_hh": (hidden,), "bias_ih": (), "bias_hh": ()}
        for kind, columns in shapes.items():
            name = f"{kind}_{end}"
            found[f"{ours}.{name}"] = tensors.take(f"{theirs}.{name}", 4 * hidden, *columns)
    return found


def _split(tensors: Tensors, widths: list[int], features: int, channels: int) -> Named:
    """Norms and layers of the bands; a band's inputs are sorted by channel there, by bin here."""
    rows: dict[str, list[Tensor]] = {"gain": [], "shift": [], "weight": [], "bias": []}
    for band, width in enumerate(widths):
        size, turned = width * channels, _turned(channels, width)
        rows["gain"].append(tensors.take(f"BN.{band}.0.weight", size)[turned])
        rows["shift"].append(tensors.take(f"BN.{band}.0.bias", size)[turned])
        weight = tensors.take(f"BN.{band}.1.weight", features, size, 1)
        rows["weight"].append(weight[:, turned, 0].T)
        rows["bias"].append(tensors.take(f"BN.{band}.1.bias", features)[None])
    found: Named = {}
    for run, bands in _runs(widths):
        for kind, values in rows.items():
            part = "norms" if kind in ("gain", "shift") else "linears"
            found[f"split.{part}.{run}.{kind}"] = torch.stack(values[bands])
    return found


def _mask(tensors: Tensors, widths: list[int], features: int) -> Named:
    """The masks' layers: two for all bands, one for each width."""
    hidden = 4 * features
    stacked: dict[str, list[Tensor]] = {}
    outputs: list[tuple[Tensor, Tensor]] = []
    for band, width in enumerate(widths):
        name = f"mask.{band}"
        layers = {
            "norm.gain": tensors.take(f"{name}.0.weight", features),
            "norm.shift": tensors.take(f"{name}.0.bias", features),
            "hidden.weight": tensors.take(f"{name}.1.weight", hidden, features, 1)[..., 0].T,
            "hidden.bias": tensors.take(f"{name}.1.bias", hidden)[None],
            "second.weight": tensors.take(f"{name}.3.weight", hidden, hidden, 1)[..., 0].T,
            "second.bias": tensors.take(f"{name}.3.bias", hidden)[None],
        }
        for key, value in layers.items():
            stacked.setdefault(key, []).append(value)
        # value and gate, each real and imaginary parts, each in order of frequency
        turned = torch.cat([_turned(2, width) + 2 * width * half for half in (0, 1)])
        weight = tensors.take(f"{name}.5.weight", 4 * width, hidden, 1)[turned, :, 0].T
        outputs.append((weight, tensors.take(f"{name}.5.bias", 4 * width)[turned][None]))
    found = {f"mask.{key}": torch.stack(values) for key, values in stacked.items()}
    for run, bands in _runs(widths):
        found[f"mask.outputs.{run}.weight"] = torch.stack([w for w, _ in outputs[bands]])
        found[f"mask.outputs.{run}.bias"] = torch.stack([b for _, b in outputs[bands]])
    return found


def _turned(channels: int, width: int) -> Tensor:
    """Where a band's numbers, sorted by bin, are when they are sorted by channel."""
    return torch.arange(channels * width).view(channels, width).T.flatten()


def _runs(widths: list[int]) -> list[tuple[int, slice]]:
    """The number of each run of bands of one width, and its bands."""
    found, first = [], 0
    for run, (count, _) in enumerate(Bands(widths).runs):
        found.append((run, slice(first, first + count)))
        first += count
    return found
