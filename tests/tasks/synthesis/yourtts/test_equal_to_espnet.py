"""On the same weights Vits gives what espnet2's own VITS gives, in training and at inference."""

import sys
import warnings
from collections.abc import Iterator
from functools import partial
from types import ModuleType
from typing import Any

import pytest
import torch
from tiny_models import encoding_of
from torch import Tensor, nn

from joint.data.phones import UNKNOWN
from joint.layers.espnet import bare_package, espnet_class
from joint.synthesis.lengths import TimedPhones
from joint.synthesis.mel import HOP, WINDOW
from tasks.synthesis.yourtts.decoders import HifiGanDecoder
from tasks.synthesis.yourtts.generator import Vits

pytest.importorskip("espnet2", reason="pip install --no-deps espnet==202511")

PHONES, EMBEDDING, DIM, SPEAKER = 10, 12, 16, 8
SCALES, FRAMES = (5, 5, 4, 2), (14, 11)
TEXT = torch.tensor([[0, 3, 7, 1, 0], [0, 9, 2, 0, UNKNOWN]])
OTHER_NAMES = {"spemb_proj": "speaker", "decoder": "decoder.generator"}


@pytest.fixture(scope="module")
def theirs() -> Iterator[Any]:
    """espnet2's generator, in eval mode. Its alignment search is written for numba, without which
    the same code runs as Python."""
    numba: Any = ModuleType("numba")
    numba.prange = range
    numba.njit = lambda *given, **_: given[0] if given else (lambda function: function)
    package = "espnet2.gan_tts.vits"
    with pytest.MonkeyPatch.context() as patch, bare_package(package), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # espnet2 wants its search compiled
        patch.setitem(sys.modules, "numba", numba)
        torch.manual_seed(0)
        yield espnet_class(f"{package}.generator", "VITSGenerator", "VITS")(
            vocabs=PHONES,
            aux_channels=WINDOW // 2 + 1,
            hidden_channels=DIM,
            spk_embed_dim=EMBEDDING,
            global_channels=SPEAKER,
            segment_size=FRAMES[1],
            text_encoder_blocks=2,
            text_encoder_positionwise_conv_kernel_size=3,
            use_macaron_style_in_text_encoder=False,
            use_conformer_conv_in_text_encoder=False,
            decoder_channels=32,
            decoder_upsample_scales=list(SCALES),
            decoder_upsample_kernel_sizes=[2 * scale for scale in SCALES],
            decoder_resblock_kernel_sizes=[3],
            decoder_resblock_dilations=[[1, 3]],
            use_weight_norm_in_decoder=False,
            posterior_encoder_layers=3,
            use_weight_norm_in_posterior_encoder=False,
            flow_layers=2,
            use_weight_norm_in_flow=False,
        ).eval()


def small() -> Vits:
    """In eval mode."""
    decoder = partial(HifiGanDecoder, channels=32, kernels=(3,), dilations=(1, 3))
    return Vits(
        PHONES,
        EMBEDDING,
        decoder,
        dim=DIM,
        speaker_dim=SPEAKER,
        text_blocks=2,
        posterior_layers=3,
        flow_layers=2,
        segment=FRAMES[1],
    ).eval()


@pytest.fixture(scope="module")
def ours(theirs: Any) -> Vits:
    """Ours with espnet2's weights, all of which vary; the text encoder's conditioning, which
    espnet2 has not, is the identity."""
    made = small()
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.normal_(0.0, 0.15)
        for parameter in made.fusion.parameters():
            parameter.zero_()
        for name, value in theirs.named_parameters():
            part, _, rest = name.partition(".")
            path, _, leaf = rest.rpartition(".")
            module = made.get_submodule(f"{OTHER_NAMES.get(part, part)}.{path}".rstrip("."))
            _set(module, leaf, value)
    return made


def _set(module: nn.Module, name: str, value: Tensor) -> None:
    if hasattr(module, "parametrizations") and name in module.parametrizations:
        setattr(module, name, value.detach())  # into its length and its direction
    else:
        module.get_parameter(name).copy_(value)


def embeddings() -> Tensor:
    return torch.randn(2, EMBEDDING, generator=torch.Generator().manual_seed(3))


@torch.no_grad()
def test_training(theirs: Any, ours: Vits) -> None:
    spectrum = torch.rand(2, WINDOW // 2 + 1, FRAMES[0], generator=torch.Generator().manual_seed(4))
    frames = torch.tensor(FRAMES)
    timed = TimedPhones(TEXT, torch.zeros_like(TEXT))
    counts = timed.mask.sum(dim=1)
    torch.manual_seed(5)
    waveform, nll, path, *_, (_, latent, mean, scale, _, posterior_scale) = theirs(
        TEXT.clamp(min=0), counts, spectrum, frames.clone(), spembs=embeddings()
    )
    torch.manual_seed(5)
    made = ours(timed, spectrum, frames, encoding_of(embeddings()))
    torch.testing.assert_close(made.duration_loss, nll.sum(), rtol=1e-4, atol=1e-4)
    loss = espnet_class("espnet2.gan_tts.vits.loss", "KLDivergenceLoss", "VITS")()
    mask = (torch.arange(FRAMES[0]) < frames[:, None]).unsqueeze(1)
    expected = loss(latent, posterior_scale, mean, scale, mask)
    torch.testing.assert_close(made.kl_loss, expected, rtol=1e-4, atol=1e-4)
    assert int(made.starts[1]) == 0  # there is no other place for it
    inner = slice(HOP // 2, -HOP // 2)
    torch.testing.assert_close(made.waveform[1], waveform[1, 0, inner], rtol=1e-4, atol=1e-5)
    assert float(waveform.std()) > 0.01 and path.sum(dim=2).max() > 2


@torch.no_grad()
@pytest.mark.parametrize("rate", [1.0, 0.5])
def test_inference(theirs: Any, ours: Vits, rate: float) -> None:
    text, embedding = TEXT[:1], embeddings()[:1]
    waveform, _, durations = theirs.inference(
        text,
        torch.tensor([5]),
        spembs=embedding[0],
        noise_scale=0.0,
        noise_scale_dur=0.0,
        alpha=1 / rate,
    )
    encoding = encoding_of(embedding)
    prior = ours.prior(text, encoding)
    own = ours.durations(prior, encoding, rate, 0.0, 0)
    assert own.tolist() == durations.long().tolist()
    spoken = ours.speak(prior, own, encoding, 0.0, 0)
    inner = slice(HOP // 2, -HOP // 2)
    torch.testing.assert_close(spoken, waveform[:, inner], rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_the_text_encoder_reads_the_speaker_too(ours: Vits) -> None:
    one, other = (encoding_of(row[None]) for row in embeddings())
    for generator, alike in ((ours, True), (small(), False)):
        first, second = (generator.prior(TEXT[:1], encoding).mean for encoding in (one, other))
        assert torch.equal(first, second) == alike
