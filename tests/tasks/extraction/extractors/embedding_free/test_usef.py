"""Attention to the enrolment's own features: padding counts for nothing; a recording must be."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
import torch

from joint.errors import ConfigError
from joint.outputs import SpeakerEncoding
from tasks.extraction.extractor import Extractor
from tasks.extraction.extractors.embedding_free.onset_prompt import OnsetPrompted
from tasks.extraction.extractors.embedding_free.re_enrolment import ReEnrolled
from tasks.extraction.extractors.embedding_free.usef_sepformer import (
    EnrollmentAttention,
    UsefSepFormer,
)
from tasks.extraction.extractors.embedding_free.usef_tfgridnet import UsefTfGridNet
from tasks.extraction.extractors.grid.attention import FullBandAttention
from tasks.extraction.extractors.tfgridnet import TfGridNetExtractor

GRID = {"features": 4, "depth": 1, "hidden": 4, "heads": 2, "query_dim": 65}
SEPFORMER = {"filters": 8, "features": 8, "chunk": 20, "depth": 1, "layers": 1, "heads": 2}
USEF: dict[str, Callable[..., Extractor]] = {
    "TF-GridNet": partial(UsefTfGridNet, **GRID),
    "TF-GridNet, overlapping windows": partial(UsefTfGridNet, **GRID, window=128, hop=16),
    "SepFormer": partial(UsefSepFormer, **SEPFORMER, feed_forward=8),
    "SepFormer, pooled": partial(UsefSepFormer, **SEPFORMER, feed_forward=8, pool=3),
}
EMBEDDING_FREE: dict[str, Callable[..., Extractor]] = {
    **USEF,
    "LExt": partial(OnsetPrompted, extractor=partial(TfGridNetExtractor, **GRID), prompt=1200),
    "re-enrolled": partial(ReEnrolled, extractor=USEF["TF-GridNet"]),
}
kinds = pytest.mark.parametrize("kind", EMBEDDING_FREE.values(), ids=EMBEDDING_FREE.keys())


def made(kind: Callable[..., Extractor]) -> Extractor:
    torch.manual_seed(0)
    return kind(embedding_dim=5).eval()


def encoding(waveform: torch.Tensor, *lengths: int) -> SpeakerEncoding:
    return SpeakerEncoding(
        torch.zeros(len(waveform), 5), waveform=waveform, lengths=torch.tensor(lengths)
    )


@kinds
def test_what_is_behind_the_enrolments_end_counts_for_nothing(
    kind: Callable[..., Extractor],
) -> None:
    extractor, mixture = made(kind), 0.1 * torch.randn(2, 2000)
    people = 0.1 * torch.randn(2, 1700)
    with torch.no_grad():
        alone = extractor(mixture[:1], encoding(people[:1, :1000], 1000)).waveform
        padded = extractor(mixture, encoding(people, 1000, 1700)).waveform
        other = extractor(mixture[:1], encoding(people[:1], 1700)).waveform
    torch.testing.assert_close(padded[:1], alone, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(other, alone, atol=1e-5, rtol=1e-3)


@kinds
def test_a_louder_enrolment_is_the_same_enrolment(kind: Callable[..., Extractor]) -> None:
    extractor, mixture, person = made(kind), 0.1 * torch.randn(1, 2000), torch.randn(1, 1300)
    with torch.no_grad():
        soft, loud = (
            extractor(mixture, encoding(gain * person, 1300)).waveform for gain in (0.05, 0.4)
        )
    torch.testing.assert_close(soft, loud, atol=1e-5, rtol=1e-3)


@kinds
@pytest.mark.parametrize("samples", [1, 500])
def test_a_very_short_or_silent_enrolment_gives_a_finite_estimate(
    kind: Callable[..., Extractor], samples: int
) -> None:
    extractor, mixture = made(kind), 0.1 * torch.randn(1, 700)
    with torch.no_grad():
        estimate = extractor(mixture, encoding(torch.zeros(1, samples), samples))
    assert estimate.waveform.shape == (1, 700) and estimate.waveform.isfinite().all()


@kinds
def test_a_kept_embedding_is_refused(kind: Callable[..., Extractor]) -> None:
    with pytest.raises(ConfigError, match="extractor: found a kept embedding"):
        made(kind)(torch.randn(1, 700), SpeakerEncoding(torch.zeros(1, 5)))


def test_attention_finds_nothing_in_frames_that_are_masked() -> None:
    torch.manual_seed(0)
    grid, plain = FullBandAttention(4, 5, 2, 10), EnrollmentAttention(4, 2, pool=2)
    x, memory = torch.randn(1, 3, 5, 4), torch.randn(1, 6, 5, 4)
    mask = torch.tensor([[True, True, True, True, False, False]])
    changed = torch.where(mask[:, :, None, None], memory, 100.0)
    with torch.no_grad():
        torch.testing.assert_close(grid(x, changed, mask), grid(x, memory[:, :4]))
        one, other = (plain(x[:, :, 0], m[:, :, 0], mask) for m in (changed, memory))
        torch.testing.assert_close(one, other)
        whole = mask[:, :4]
        torch.testing.assert_close(one, plain(x[:, :, 0], memory[:, :4, 0], whole))


@pytest.mark.parametrize("kind", [UsefTfGridNet, TfGridNetExtractor])
def test_sizes_that_do_not_fit(kind: Callable[..., Extractor]) -> None:
    with pytest.raises(ConfigError, match="stride"):
        kind(5, stride=3)
    with pytest.raises(ConfigError, match="heads"):
        kind(5, features=6, heads=4)


def test_the_embedding_is_not_read() -> None:
    extractor, mixture = made(USEF["TF-GridNet"]), 0.1 * torch.randn(1, 700)
    given = encoding(0.1 * torch.randn(1, 900), 900)
    with torch.no_grad():
        one = extractor(mixture, given).waveform
        other = extractor(mixture, replace(given, embedding=torch.randn(1, 5))).waveform
    torch.testing.assert_close(one, other)
