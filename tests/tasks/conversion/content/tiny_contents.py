"""Every content of conversion, small enough for a test."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from joint.encoders.frontends.log_mel import LogMelSpectrogram
from joint.encoders.frontends.ssl.frontend import PretrainedFrontend
from joint.encoders.frontends.ssl.layers import OneLayer
from joint.synthesis.decoders.flow import FlowDecoder
from joint.synthesis.decoders.regression import RegressionDecoder
from tasks.conversion.content.adversarial import SpeakerFreeContent
from tasks.conversion.content.base import Content
from tasks.conversion.content.features import EncoderLayer, NetworkLayer
from tasks.conversion.content.perturbed import PerturbedContent
from tasks.conversion.content.phonetic import PhoneticContent
from tasks.conversion.content.quantised import QuantisedContent
from tasks.conversion.content.siamese import SiameseContent
from tasks.conversion.content.unet import QuantisedUnet
from tasks.conversion.content.units import UnitContent
from tasks.conversion.source_filter import SourceFilterModel

SPEAKERS = 8
SMALL: dict[str, Any] = {"dim": 16, "blocks": 1, "hidden": 32}
WAVLM = {
    "model_type": "wavlm",
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "conv_dim": [8] * 7,
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
}
"""Two blocks; every 20 ms."""


def network() -> NetworkLayer:
    """The first block of a tiny WavLM."""
    use = partial(OneLayer, layer="frontend_layer1")
    return NetworkLayer(PretrainedFrontend(config=WAVLM, use=use))


def units(count: int = 10, **settings: Any) -> UnitContent:
    """On a tiny WavLM, with centroids as a codebook would bring them."""
    content = UnitContent(network(), count=count, width=8)
    content.centroids.normal_(generator=torch.Generator().manual_seed(0))
    return content


def encoder_units(**settings: Any) -> UnitContent:
    """On a layer of the shared encoder."""
    content = UnitContent(EncoderLayer("tdnn2", lambda name: 16), count=10, width=8)
    content.centroids.normal_(generator=torch.Generator().manual_seed(0))
    return content


def perturbed(**settings: Any) -> PerturbedContent:
    """On a spectrogram."""
    return PerturbedContent(NetworkLayer(LogMelSpectrogram(20)), width=8, **SMALL)


CONTENTS: dict[str, Callable[..., Content]] = {
    "phonetic": partial(PhoneticContent, **SMALL, width=8),
    "sig_vc": partial(SpeakerFreeContent, **SMALL, width=8, adversary_hidden=16),
    "vqvc": partial(QuantisedContent, **SMALL, codes=8, width=8),
    "vqvc_plus": partial(QuantisedUnet, **SMALL, codes=8, width=8, levels=2),
    "control_vc": units,
    "encoder_units": encoder_units,
    "ace_vc": lambda phones, speaker_count: SiameseContent(
        network(), phones, speaker_count, **SMALL, width=8, speaker_dim=8
    ),
    "nansy": perturbed,
}
"""The content of each system."""


def settings_of(name: str) -> dict[str, Any]:
    """What a ConversionTask is made with besides, for the system `name`."""
    settings: dict[str, Any] = {"content": CONTENTS[name], "speaker_count": SPEAKERS}
    settings["decoder"] = partial(FlowDecoder, **SMALL, time_dim=8, steps=2)
    if name == "nansy":
        settings |= {"dim": None, "acoustic": partial(SourceFilterModel, **SMALL)}
        settings["decoder"] = partial(RegressionDecoder, **SMALL)
    return settings
