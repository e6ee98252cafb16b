"""On the same weights our time-domain extractors give what WeSep's Conv-TasNet and SpEx+ give."""

from functools import partial
from typing import Any

import pytest
import torch
from tiny_models import encoding_of
from torch import Tensor
from wesep_golden import EMBEDDING, STEP, Golden, embedding, expected, mixture
from wesep_time_domain_names import time_domain

from joint.conditioning.fusion import (
    AddFusion,
    ConcatFusion,
    Conditioning,
    FilmFusion,
    MultiplyFusion,
)
from tasks.extraction.extractors.time_domain.extractor import TimeDomainExtractor
from tasks.extraction.extractors.time_domain.spex_plus import SpExPlus
from tasks.extraction.extractors.time_domain.x_tasnet import XTasNet

FUSIONS: dict[str, type[Conditioning]] = {
    "concat": ConcatFusion,
    "additive": AddFusion,
    "multiply": MultiplyFusion,
    "FiLM": FilmFusion,
    "concatConv": AddFusion,
}
MODELS = ["convtasnet_concat", "convtasnet_additive", "convtasnet_multiply", "convtasnet_film"]


def ours(given: dict[str, Any]) -> TimeDomainExtractor:
    """WeSep's arguments as ours: the embedding and the level as they are."""
    sizes = {
        "filters": given["N"],
        "hop": given["L"] // 2,
        "features": given["B"],
        "hidden": given["H"],
        "blocks": given["X"],
        "stacks": given["R"],
        "fusion": partial(FUSIONS[given["spk_fuse_type"]], norm=False),
        "normalise_level": False,
    }
    if given["spk_fuse_type"] == "concatConv":
        return SpExPlus(EMBEDDING, windows=(given["L"], 80, 160), **sizes)
    return XTasNet(EMBEDDING, window=given["L"], **sizes)


@torch.no_grad()
def estimated(extractor: TimeDomainExtractor, speaker: Tensor) -> Tensor:
    estimate = extractor(mixture(), encoding_of(speaker))
    return torch.cat([scale[0, ::STEP] for scale in (estimate.waveform, *estimate.others)])


@pytest.mark.parametrize("name", [*MODELS, "spexplus"])
def test_gives_what_wesep_gives(name: str) -> None:
    golden = Golden.load(name)
    extractor = ours(golden.arguments).eval()
    extractor.load_state_dict(time_domain(golden.tensors(), golden.arguments))
    found = estimated(extractor, embedding())
    largest = float(expected(golden).abs().max())
    torch.testing.assert_close(found, expected(golden), rtol=0, atol=1e-4 * largest)
    other = estimated(extractor, embedding().flip(1))
    assert (other - found).abs().max() > 0.01 * largest, "the speaker decides nothing"
