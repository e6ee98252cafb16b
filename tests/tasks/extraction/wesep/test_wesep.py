"""On the same weights our extractors give what WeSep's give, as `joint import` reads them."""

import pytest
import torch
from tiny_models import encoding_of
from torch import Tensor
from wesep_golden import DATA, EMBEDDING, STEP, Golden, embedding, expected, mixture

from joint.training.building.objects import build
from pretrained.wesep.reader import MODELS
from pretrained.wesep.settings import Settings
from pretrained.wesep.tensors import Tensors
from tasks.extraction.extractor import Extractor

SPECTRAL, TIME_DOMAIN = 2e-4, 1e-4
"""Largest difference, as a share of the largest sample."""
GOLDENS = {
    "dpccn": SPECTRAL,
    "tfgridnet": SPECTRAL,
    "tfgridnet_windows": SPECTRAL,
    "convtasnet_concat": TIME_DOMAIN,
    "convtasnet_additive": TIME_DOMAIN,
    "convtasnet_multiply": TIME_DOMAIN,
    "convtasnet_film": TIME_DOMAIN,
    "spexplus": TIME_DOMAIN,
}


def imported(golden: Golden) -> Extractor:
    """The extractor of a checkpoint of these arguments and tensors, without a speaker encoder."""
    kind = MODELS[golden.model]
    given = golden.arguments | {"spk_emb_dim": EMBEDDING}
    settings = Settings(DATA, given, None, kind.defaults)
    tensors = Tensors(golden.tensors(), DATA)
    node, weights = kind.extractor(settings, tensors)
    tensors.finish()
    extractor: Extractor = build(node, "extractor")(embedding_dim=EMBEDDING).eval()
    extractor.load_state_dict(weights)
    return extractor


@torch.no_grad()
def estimated(extractor: Extractor, speaker: Tensor) -> Tensor:
    """Every scale, one behind the other, as the golden files have them."""
    estimate = extractor(mixture(), encoding_of(speaker))
    return torch.cat([scale[0, ::STEP] for scale in (estimate.waveform, *estimate.others)])


@pytest.mark.parametrize("name", GOLDENS)
def test_gives_what_wesep_gives(name: str) -> None:
    golden = Golden.load(name)
    extractor = imported(golden)
    found = estimated(extractor, embedding())
    largest = float(expected(golden).abs().max())
    torch.testing.assert_close(found, expected(golden), rtol=0, atol=GOLDENS[name] * largest)
    other = estimated(extractor, embedding().flip(1))
    assert (other - found).abs().max() > 0.01 * largest, "the speaker decides nothing"
