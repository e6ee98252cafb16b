"""Every size that recipes choose by its name: as many parameters as it says, and it runs."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from support import COMMON
from tiny_models import encoding_of

from joint.training.building.objects import build

MILLIONS = {
    "medium/bsrnn_multilevel": 3.854,
    "published/bsrnn": 13.01,
    "published/bsrnn_group_norm": 21.43,
    "published/bsrnn_multilevel": 13.33,
    "published/dpccn": 6.350,
    "published/lext_tfgridnet": 7.045,
    "published/mc_spex": 10.46,
    "published/sdpccn": 6.375,
    "published/spex_plus": 9.47,
    "published/td_speakerbeam": 4.97,
    "published/tfgridnet": 7.045,
    "published/usef_sepformer": 26.14,
    "published/usef_tfgridnet": 15.64,
    "published/x_tasnet": 3.53,
    "small/bsrnn": 2.83,
    "small/bsrnn_multilevel": 2.846,
    "small/dpccn": 0.7356,
    "small/lext_bsrnn": 4.939,
    "small/mc_spex": 0.525,
    "small/re_enrolled": 0.5068,
    "small/spex_plus": 0.451,
    "small/td_speakerbeam": 0.394,
    "small/tfgridnet": 0.3599,
    "small/usef_sepformer": 0.2141,
    "small/usef_tfgridnet": 0.5068,
    "small/x_tasnet": 0.312,
}
"""Parameters of each block of `recipes/common/extractors`, with embeddings of 192 and, where frames
are attended to, frames of 768 channels."""
FRAME_DIM = 768
FOLDER = COMMON / "extractors"


def name(path: Path) -> str:
    return path.relative_to(FOLDER).with_suffix("").as_posix()


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.yaml")), ids=name)
def test_size(path: Path) -> None:
    torch.manual_seed(0)
    node = OmegaConf.to_container(OmegaConf.load(path))
    made = build(node, "extractor", frame_dim=FRAME_DIM)
    extractor = made(embedding_dim=192).eval()
    count = sum(p.numel() for p in extractor.parameters()) / 1e6
    assert count == pytest.approx(MILLIONS[name(path)], rel=0.005)
    with torch.no_grad():
        encoding = replace(encoding_of(torch.randn(1, 192)), frames=torch.zeros(1, FRAME_DIM, 1))
        estimate = extractor(torch.randn(1, 1601), encoding)
    assert estimate.waveform.shape == (1, 1601) and estimate.waveform.isfinite().all()
