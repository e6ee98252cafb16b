"""What every extractor owes: any length, no neighbours in a batch, several enrolments, scale.
A new extractor adds a line to EXTRACTORS, small enough for a test."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest
import torch

from joint.conditioning.frame_fusion import CrossAttentionFusion
from joint.conditioning.tf_map import TfMap
from joint.metrics.separation import si_sdr_db
from joint.outputs import SpeakerEncoding
from joint.training.precision import cpu_has_bf16
from tasks.extraction.extractor import Estimate, Extractor
from tasks.extraction.extractors.band_split.group_norm import GroupNormExtractor
from tasks.extraction.extractors.bsrnn import BandSplitExtractor, small_bsrnn
from tasks.extraction.extractors.dpccn import DpccnExtractor
from tasks.extraction.extractors.embedding_free.onset_prompt import OnsetPrompted
from tasks.extraction.extractors.embedding_free.re_enrolment import ReEnrolled
from tasks.extraction.extractors.embedding_free.usef_sepformer import UsefSepFormer
from tasks.extraction.extractors.embedding_free.usef_tfgridnet import UsefTfGridNet
from tasks.extraction.extractors.speaker_transform import SpeakerTransform
from tasks.extraction.extractors.tfgridnet import TfGridNetExtractor
from tasks.extraction.extractors.time_domain.mc_spex import McSpEx
from tasks.extraction.extractors.time_domain.speaker_beam import SpeakerBeam
from tasks.extraction.extractors.time_domain.spex_plus import SpExPlus
from tasks.extraction.extractors.time_domain.x_tasnet import XTasNet

EMBEDDING, FRAME_WIDTH = 10, 12


@dataclass(frozen=True)
class Case:
    """An extractor as the tests build it: `build` is called with `embedding_dim`.

    `scales`: a mixture twice as loud gives an estimate twice as loud. `silent`: of silence comes
    silence, below -80 dB. An extractor of which this does not hold says so here and in its
    docstring. `near` is how far bf16 may be from float32, as a share of the estimate's energy;
    `steps` are what it takes to learn two mixtures.
    """

    build: Callable[..., Extractor]
    scales: bool = True
    silent: bool = True
    near: float = 2e-3
    steps: int = 30


TCN: dict[str, Any] = {"filters": 12, "features": 8, "hidden": 10, "blocks": 3, "stacks": 2}
SCALES: dict[str, Any] = {"windows": (16, 40, 80), "hop": 8}
DPCCN: dict[str, Any] = {
    "window": 256,
    "dense": [4, 6],
    "deep": [8],
    "depth": 2,
    "blocks": 2,
    "repeats": 1,
    "pools": [2, 4],
}
SEPFORMER: dict[str, Any] = {
    "filters": 32,
    "window": 32,
    "hop": 16,
    "features": 16,
    "chunk": 40,
    "depth": 1,
    "layers": 1,
    "heads": 2,
    "feed_forward": 32,
}
GRID: dict[str, Any] = {"features": 8, "depth": 2, "hidden": 6, "heads": 2, "query_dim": 64}

EXTRACTORS: dict[str, Case] = {
    "bsrnn": Case(partial(BandSplitExtractor, features=6, depth=2, hop=256, mask_hidden=8)),
    "bsrnn, group norms": Case(partial(GroupNormExtractor, features=6, depth=2, hop=256)),
    "bsrnn, group norms, TF-Map": Case(
        partial(GroupNormExtractor, features=6, depth=2, hop=200, fuse="every", tf_map=True)
    ),
    "bsrnn behind a transform": Case(
        partial(SpeakerTransform, extractor=partial(GroupNormExtractor, features=6, depth=1))
    ),
    "bsrnn, small": Case(partial(small_bsrnn, features=6, depth=3, bottleneck=8, shared_blocks=1)),
    "TD-SpeakerBeam": Case(partial(SpeakerBeam, **TCN, adapted=2)),
    "SpEx+": Case(partial(SpExPlus, **TCN, **SCALES)),
    "MC-SpEx": Case(partial(McSpEx, **TCN, **SCALES)),
    "X-TaSNet": Case(partial(XTasNet, **TCN)),
    "bsrnn, multi-level": Case(
        partial(
            BandSplitExtractor,
            features=6,
            depth=3,
            hop=256,
            mask_hidden=8,
            shared_blocks=1,
            tf_map=TfMap(),
            contextual=partial(CrossAttentionFusion, frame_dim=FRAME_WIDTH, heads=2),
            contextual_fuse=[1, 2],
        )
    ),
    "dpccn": Case(partial(DpccnExtractor, **DPCCN)),
    "dpccn, mask, bottleneck": Case(
        partial(DpccnExtractor, **DPCCN, stride=2, place="bottleneck", gives="mask")
    ),
    "dpccn, own level": Case(
        partial(DpccnExtractor, **DPCCN, plain=True, levelled=False), scales=False, silent=False
    ),
    "tfgridnet": Case(partial(TfGridNetExtractor, **GRID)),
    "tfgridnet, mask, features": Case(
        partial(
            TfGridNetExtractor,
            **GRID,
            kernel=4,
            kernel_hop=2,
            stride=4,
            axis="features",
            fuse="every",
            gives="mask",
            compression=0.3,
        )
    ),
    "USEF-TFGridNet": Case(partial(UsefTfGridNet, **GRID)),
    "USEF-TFGridNet, mask": Case(
        partial(UsefTfGridNet, **GRID, stride=4, gives="mask", compression=0.3)
    ),
    "USEF-SepFormer": Case(partial(UsefSepFormer, **SEPFORMER), steps=40),
    "LExt": Case(
        partial(OnsetPrompted, extractor=partial(TfGridNetExtractor, **GRID), prompt=3000)
    ),
    "LExt, embedding": Case(
        partial(
            OnsetPrompted, extractor=partial(DpccnExtractor, **DPCCN), prompt=3000, embedding=True
        )
    ),
    "re-enrolled": Case(
        partial(ReEnrolled, extractor=partial(UsefTfGridNet, **GRID, stride=4, gives="mask"))
    ),
}

every_extractor = pytest.mark.parametrize("case", EXTRACTORS.values(), ids=EXTRACTORS.keys())


def made(case: Case) -> Extractor:
    """The extractor, its parameters moved a little: what begins as the identity is none."""
    torch.manual_seed(0)
    extractor = case.build(embedding_dim=EMBEDDING).eval()
    with torch.no_grad():
        for parameter in extractor.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    return extractor


def mixtures(count: int, samples: int) -> torch.Tensor:
    return 0.1 * torch.randn(count, samples, generator=torch.Generator().manual_seed(1))


def enrolled(count: int, seed: int = 2) -> SpeakerEncoding:
    """Encodings of `count` people, all with frames and recordings of their own lengths."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.tensor([4800 - 640 * (i % 3) for i in range(count)])
    frames = lengths // 160
    own = torch.arange(4800) < lengths[:, None]
    mask = torch.arange(30) < frames[:, None]
    return SpeakerEncoding(
        embedding=torch.randn(count, EMBEDDING, generator=generator),
        frames=torch.randn(count, FRAME_WIDTH, 30, generator=generator) * mask[:, None],
        frame_mask=mask,
        waveform=0.1 * torch.randn(count, 4800, generator=generator) * own,
        lengths=lengths,
    )


def person(encoding: SpeakerEncoding, *which: int) -> SpeakerEncoding:
    """Some rows of an encoding."""
    rows = list(which)
    assert encoding.frames is not None and encoding.frame_mask is not None
    assert encoding.waveform is not None and encoding.lengths is not None
    return SpeakerEncoding(
        encoding.embedding[rows],
        encoding.frames[rows],
        encoding.frame_mask[rows],
        encoding.waveform[rows],
        encoding.lengths[rows],
    )


@torch.no_grad()
def estimated(
    extractor: Extractor, mixture: torch.Tensor, encoding: SpeakerEncoding
) -> torch.Tensor:
    estimate: Estimate = extractor(mixture, encoding)
    return estimate.waveform


@every_extractor
@pytest.mark.parametrize("samples", [1, 37, 5121, 7999, 8000])
def test_the_estimate_is_as_long_as_the_mixture(case: Case, samples: int) -> None:
    """Also where the mixture is shorter than one window."""
    waveform = estimated(made(case), mixtures(2, samples), enrolled(2))
    assert waveform.shape == (2, samples)
    assert waveform.dtype == torch.float32 and waveform.isfinite().all()


@every_extractor
def test_a_mixture_does_not_depend_on_its_batch(case: Case) -> None:
    extractor, mixture, encoding = made(case), mixtures(3, 5121), enrolled(3)
    together = estimated(extractor, mixture, encoding)
    for i in range(3):
        alone = estimated(extractor, mixture[i : i + 1], person(encoding, i))
        torch.testing.assert_close(together[i : i + 1], alone, atol=1e-5, rtol=1e-4)


@every_extractor
def test_several_enrolments_equal_separate_runs(case: Case) -> None:
    extractor, mixture, encoding = made(case), mixtures(2, 5121), enrolled(6)
    together = estimated(extractor, mixture, encoding).view(2, 3, -1)
    for k in range(3):
        alone = estimated(extractor, mixture, person(encoding, k, 3 + k))
        torch.testing.assert_close(together[:, k], alone, atol=1e-5, rtol=1e-4)


@every_extractor
def test_the_estimate_depends_on_the_speaker(case: Case) -> None:
    extractor, mixture = made(case), mixtures(1, 5121)
    one, other = (estimated(extractor, mixture, enrolled(1, seed)) for seed in (2, 3))
    assert (one - other).square().mean() > 1e-8 * one.square().mean()


@every_extractor
def test_a_louder_mixture_gives_a_louder_estimate(case: Case) -> None:
    extractor, mixture, encoding = made(case), mixtures(2, 6000), enrolled(2)
    soft, loud = (estimated(extractor, gain * mixture, encoding) for gain in (0.5, 4.0))
    assert torch.allclose(8 * soft, loud, atol=1e-5, rtol=1e-3) == case.scales


@every_extractor
def test_silence_gives_silence(case: Case) -> None:
    waveform = estimated(made(case), torch.zeros(1, 6000), enrolled(1))
    assert waveform.isfinite().all()
    assert (waveform.abs().max() < 1e-4) == case.silent


@pytest.mark.skipif(not cpu_has_bf16(), reason="oneDNN has no bf16 LSTM for this processor")
@every_extractor
def test_bf16_is_near_float32(case: Case) -> None:
    extractor, mixture, encoding = made(case), mixtures(2, 6000), enrolled(2)
    exact = estimated(extractor, mixture, encoding)
    with torch.autocast("cpu", torch.bfloat16):
        fast = estimated(extractor, mixture, encoding)
    assert fast.dtype == torch.float32 and fast.isfinite().all()
    assert (fast - exact).square().mean() < case.near * exact.square().mean()


@every_extractor
def test_gradients_reach_the_encoding_and_every_parameter(case: Case) -> None:
    extractor, encoding = made(case).train(), enrolled(4)
    assert encoding.frames is not None and encoding.waveform is not None
    embedding = encoding.embedding.clone().requires_grad_()
    frames = encoding.frames.clone().requires_grad_()
    waveform = encoding.waveform.clone().requires_grad_()
    given = replace(encoding, embedding=embedding, frames=frames, waveform=waveform)
    estimate = extractor(mixtures(2, 5121), given)
    assert all(other.shape == estimate.waveform.shape for other in estimate.others)
    sum(w.square().sum() for w in (estimate.waveform, *estimate.others)).backward()
    reached = [part.grad for part in (embedding, frames, waveform) if part.grad is not None]
    assert reached and all(grad.isfinite().all() for grad in reached)
    assert any(grad.abs().sum() > 0 for grad in reached)
    left_out = [name for name, p in extractor.named_parameters() if p.grad is None]
    assert not left_out
    assert all(p.grad.isfinite().all() for p in extractor.parameters() if p.grad is not None)


def voices() -> torch.Tensor:
    """Two mixtures of a low and a high voice of five harmonics: `(2, 2, S)`."""
    time = torch.arange(4000) / 16_000
    phases = torch.rand(2, 2, 5, 1, generator=torch.Generator().manual_seed(0))
    pitch = torch.tensor([[150.0, 420.0], [157.5, 441.0]])[..., None, None]
    number = torch.arange(1, 6)[:, None]
    harmonics = torch.sin(2 * torch.pi * (number * pitch * time + phases)) / number
    voice = harmonics.sum(dim=2)
    return 0.1 * voice / voice.std(dim=2, keepdim=True)


@every_extractor
def test_swapped_enrolments_swap_estimates(case: Case) -> None:
    """After a few steps on two mixtures; of each a mixture is at 0 dB."""
    extractor, people, sources = made(case).train(), enrolled(2), voices()
    mixture, optimizer = sources.sum(dim=1), torch.optim.Adam(extractor.parameters(), lr=0.01)
    for _ in range(case.steps):
        optimizer.zero_grad()
        estimate = extractor(mixture, person(people, 0, 1, 0, 1)).waveform
        (-si_sdr_db(estimate, sources.flatten(0, 1)).mean()).backward()
        torch.nn.utils.clip_grad_norm_(extractor.parameters(), 1.0)
        optimizer.step()
    swapped = estimated(extractor.eval(), mixture, person(people, 1, 0, 1, 0))
    assert (si_sdr_db(swapped, sources.flip(1).flatten(0, 1)) > 1.0).all()
    assert (si_sdr_db(swapped, sources.flatten(0, 1)) < -5.0).all()
