"""On the same weights our spectral extractors give what WeSep's give."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from tiny_models import encoding_of
from torch import Tensor
from wesep_golden import EMBEDDING, STEP, Golden, embedding, expected, mixture

from joint.conditioning.fusion import MultiplyFusion
from pretrained.wesep import spectral
from tasks.extraction.extractors.dpccn import DpccnExtractor
from tasks.extraction.extractors.spectral import SpectralExtractor
from tasks.extraction.extractors.tfgridnet import TfGridNetExtractor

MULTIPLY = partial(MultiplyFusion, norm=False)
"""As WeSep multiplies: by a layer of the embedding as it is."""


def dpccn(golden: Golden) -> DpccnExtractor:
    return DpccnExtractor(EMBEDDING, fusion=MULTIPLY, plain=True, levelled=False)


def tfgridnet(golden: Golden) -> TfGridNetExtractor:
    given = golden.arguments
    return TfGridNetExtractor(
        EMBEDDING,
        given.get("n_fft", 128),
        given.get("stride", 64),
        given["emb_dim"],
        given["n_layers"],
        given["lstm_hidden_units"],
        given["emb_ks"],
        given["emb_hs"],
        given["attn_n_head"],
        given["attn_approx_qk_dim"],
        fusion=MULTIPLY,
        plain=True,
    )


def dpccn_names(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return spectral.dpccn_names(multiplied(tensors, "fusion"), blocks=10)


def tfgridnet_names(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return spectral.tfgridnet_names(multiplied(tensors, "fusions.0"))


def multiplied(tensors: dict[str, Tensor], fusion: str) -> dict[str, Tensor]:
    return {n.replace("spk_fuse.fc.linear", f"{fusion}.gain"): v for n, v in tensors.items()}


Names = Callable[[dict[str, Tensor]], dict[str, Tensor]]
MODELS: dict[str, tuple[Callable[[Golden], SpectralExtractor], Names]] = {
    "dpccn": (dpccn, dpccn_names),
    "tfgridnet": (tfgridnet, tfgridnet_names),
    "tfgridnet_windows": (tfgridnet, tfgridnet_names),
}


@pytest.mark.parametrize("name", MODELS)
def test_gives_what_wesep_gives(name: str) -> None:
    build, names = MODELS[name]
    golden = Golden.load(name)
    extractor = build(golden).eval()
    extractor.load_state_dict(names(golden.tensors()))
    with torch.no_grad():
        found = extractor(mixture(), encoding_of(embedding())).waveform[0, ::STEP]
        other = extractor(mixture(), encoding_of(embedding().flip(1))).waveform[0, ::STEP]
    largest = float(expected(golden).abs().max())
    torch.testing.assert_close(found, expected(golden), rtol=0, atol=2e-4 * largest)
    assert (other - found).abs().max() > 0.01 * largest, "the speaker decides nothing"
