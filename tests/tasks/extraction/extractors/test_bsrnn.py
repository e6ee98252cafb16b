"""The extractor: any length, either size, each kind of block, several enrolments at once."""

from collections.abc import Sequence
from functools import partial

import pytest
import torch
from tiny_models import encoding_of
from torch import nn

from joint.conditioning.fusion import AddFusion, ConcatFusion, FilmFusion, MultiplyFusion
from joint.errors import ConfigError
from tasks.extraction.extractors.band_split.sequence import (
    BandLstm,
    BandMixer,
    TimeConv,
    TimeLstm,
    published_blocks,
    small_blocks,
)
from tasks.extraction.extractors.bsrnn import BandSplitExtractor, published_bsrnn, small_bsrnn

BLOCKS = {
    "published": published_blocks,
    "small": partial(small_blocks, bottleneck=8),
    "small, recurrent": partial(small_blocks, bottleneck=8, recurrent=True),
}
FUSIONS = (MultiplyFusion, AddFusion, ConcatFusion, FilmFusion)


def tiny(**other: object) -> BandSplitExtractor:
    torch.manual_seed(0)
    given: dict = {"features": 6, "depth": 2, "hop": 256, "mask_hidden": 8, **other}
    return BandSplitExtractor(10, **given).eval()


class WholeMask(nn.Module):
    """Lets everything through."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.ones(*x.shape[:2], 257, dtype=torch.complex64)


@pytest.mark.parametrize("samples", [8000, 7999, 8065, 5121])
def test_the_output_is_as_long_as_the_input(samples: int) -> None:
    mixture, encoding = torch.randn(2, samples), encoding_of(torch.randn(2, 10))
    assert tiny()(mixture, encoding).waveform.shape == (2, samples)


@pytest.mark.parametrize("samples", [8000, 7999, 8065])
def test_a_mask_of_ones_gives_the_input_back(samples: int) -> None:
    extractor = tiny(compression=0.3)
    extractor.mask = WholeMask()
    mixture = 0.05 * torch.randn(2, samples)
    heard = extractor(mixture, encoding_of(torch.randn(2, 10))).waveform
    torch.testing.assert_close(heard, mixture, atol=5e-5, rtol=0)


@pytest.mark.parametrize("size", [published_bsrnn, small_bsrnn])
def test_sizes_run(size: object) -> None:
    torch.manual_seed(0)
    extractor = size(10).eval()  # type: ignore[operator]
    with torch.no_grad():
        estimate = extractor(torch.randn(1, 4801), encoding_of(torch.randn(1, 10)))
    assert estimate.waveform.shape == (1, 4801) and estimate.waveform.isfinite().all()
    assert estimate.waveform.abs().max() < 10


def test_the_published_resolution() -> None:
    """Windows of 32 ms every 8 ms (Luo and Yu, 2023): 126 frames of 257 bins in a second."""
    assert published_bsrnn(10).spectrum(torch.randn(1, 16_000)).shape == (1, 126, 257)


@pytest.mark.parametrize("fuse, shared, places", [("once", 0, 1), ("every", 0, 2), ("every", 1, 1)])
@pytest.mark.parametrize("fusion", FUSIONS, ids=lambda kind: kind.__name__)
def test_the_speaker_is_met_once_or_before_every_block(
    fuse: str, shared: int, places: int, fusion: object
) -> None:
    extractor = tiny(fuse=fuse, shared_blocks=shared, fusion=fusion)
    assert len(extractor.fusions) == places
    mixture = torch.randn(1, 4000)
    speakers = torch.randn(1, 10, requires_grad=True)
    extractor(mixture, encoding_of(speakers)).waveform.square().sum().backward()
    assert speakers.grad is not None and speakers.grad.abs().sum() > 0
    assert all(p.grad is not None for p in extractor.parameters())


@pytest.mark.parametrize("shared", [2, -1])
def test_one_block_must_listen(shared: int) -> None:
    with pytest.raises(ConfigError, match="shared_blocks"):
        tiny(shared_blocks=shared)


@pytest.mark.parametrize("key", ["fuse", "inputs"])
def test_a_choice_that_is_none(key: str) -> None:
    with pytest.raises(ConfigError, match=key):
        tiny(**{key: "twice"})


def test_magnitudes_hear_no_phase() -> None:
    """A mixture turned by half a circle has the same mask."""
    mixture, encoding = torch.randn(2, 6000), encoding_of(torch.randn(2, 10))
    for inputs, same in (("magnitude", True), ("complex", False)):
        torch.manual_seed(0)
        extractor = tiny(inputs=inputs).eval()
        with torch.no_grad():
            heard, turned = (extractor(s * mixture, encoding).waveform for s in (1, -1))
        assert torch.allclose(heard, -turned, atol=1e-5) == same


@pytest.mark.parametrize("shared", [0, 1])
@pytest.mark.parametrize("blocks", BLOCKS.values(), ids=BLOCKS.keys())
def test_several_enrolments_equal_separate_runs(blocks: object, shared: int) -> None:
    extractor = tiny(blocks=blocks, shared_blocks=shared, fuse="every")
    mixture, speakers = torch.randn(2, 6000), torch.randn(2, 3, 10)
    with torch.no_grad():
        together = extractor(mixture, encoding_of(speakers.flatten(0, 1)))
        for k in range(3):
            alone = extractor(mixture, encoding_of(speakers[:, k]))
            heard = together.waveform.view(2, 3, -1)[:, k]
            torch.testing.assert_close(heard, alone.waveform, atol=1e-5, rtol=1e-4)
            seen = together.spectrum.view(2, 3, *alone.spectrum.shape[1:])[:, k]
            torch.testing.assert_close(seen, alone.spectrum, atol=1e-5, rtol=1e-4)


def test_a_louder_mixture_gives_a_louder_voice() -> None:
    extractor, mixture = tiny(compression=0.3), 0.05 * torch.randn(2, 6000)
    encoding = encoding_of(torch.randn(2, 10))
    with torch.no_grad():
        soft, loud = (extractor(g * mixture, encoding).waveform for g in (1.0, 8.0))
    torch.testing.assert_close(8 * soft, loud, atol=1e-5, rtol=1e-4)


def test_silence_stays_silent() -> None:
    encoding = encoding_of(torch.randn(1, 10))
    assert tiny()(torch.zeros(1, 6000), encoding).waveform.abs().max() == 0


def test_bf16_is_near_float32() -> None:
    extractor, mixture = tiny(), torch.randn(2, 6000)
    encoding = encoding_of(torch.randn(2, 10))
    with torch.no_grad():
        exact = extractor(mixture, encoding).waveform
        with torch.autocast("cpu", torch.bfloat16):
            fast = extractor(mixture, encoding).waveform
    assert fast.dtype == torch.float32
    assert (fast - exact).square().mean() < 1e-3 * exact.square().mean()


LAYERS = {
    "time, LSTM": (TimeLstm, {}, range(12), [2]),
    "time, convolution": (TimeConv, {"dilation": 4}, [2, 6, 10], [2]),
    "bands, LSTM": (BandLstm, {}, [6], range(5)),
    "bands, mixer": (BandMixer, {"bands": 5, "dilation": 4}, [2, 6, 10], range(5)),
    "bands, recurrent mixer": (
        BandMixer,
        {"bands": 5, "dilation": 4, "recurrent": True},
        range(12),
        range(5),
    ),
}


@pytest.mark.parametrize("kind, options, frames, bands", LAYERS.values(), ids=LAYERS.keys())
def test_what_a_layer_looks_at(
    kind: type[nn.Module], options: dict, frames: Sequence[int], bands: Sequence[int]
) -> None:
    """One band of one frame changes: who notices?"""
    torch.manual_seed(0)
    width = {"bottleneck": 16} if kind is BandMixer else {"hidden": 16}
    layer = kind(features=6, **width, **options)
    before = torch.randn(2, 12, 5, 6)
    after = before.clone()
    after[0, 6, 2] = torch.randn(6)
    with torch.no_grad():
        noticed = (layer(before) != layer(after)).any(-1)
    assert not noticed[1].any()
    assert noticed[0].any(1).nonzero().flatten().tolist() == list(frames)
    assert noticed[0].any(0).nonzero().flatten().tolist() == list(bands)


def test_time_layers_have_the_same_weights_in_every_band() -> None:
    x = torch.randn(2, 12, 5, 6)
    order = [3, 0, 4, 2, 1]
    for layer in (TimeLstm(6, 8), TimeConv(6, 8, 2)):
        torch.testing.assert_close(layer(x)[:, :, order], layer(x[:, :, order]))
