"""Expected spectra from frames of the encoder: planted cases, padding, several people, refusals."""

from dataclasses import replace

import pytest
import torch

from joint.conditioning.fusion import layers_of
from joint.conditioning.mixture import asks_for_mixture
from joint.errors import ConfigError
from joint.outputs import Layer, SpeakerEncoding
from tasks.extraction.extractors.band_split.group_norm import GroupNormExtractor
from tasks.extraction.extractors.band_split.layer_map import LayerMap, enrolled_magnitudes
from tasks.extraction.extractors.spectrum import Spectrum

WINDOW, HOP, SAMPLES = 64, 32, 320


def encoding(people: int, padded: int = 0, seed: int = 0) -> SpeakerEncoding:
    """`people` recordings with a layer that has a frame at every hop, and `padded` samples behind
    each, where the layer holds noise."""
    generator = torch.Generator().manual_seed(seed)
    waveform = torch.zeros(people, SAMPLES + padded)
    waveform[:, :SAMPLES] = 0.1 * torch.randn(people, SAMPLES, generator=generator)
    own = 1 + SAMPLES // HOP
    frames = 1 + (SAMPLES + padded) // HOP
    features = torch.randn(people, 8, own, generator=generator)
    features = torch.cat([features, torch.randn(people, 8, frames - own)], dim=2)
    mask = (torch.arange(frames) < own).expand(people, -1)
    lengths = torch.full((people,), SAMPLES)
    layers = {"block3": Layer(features, mask, HOP, 0)}
    return SpeakerEncoding(torch.ones(people, 4), features, mask, waveform, lengths, layers)


def of_mixture(enrolled: SpeakerEncoding, seed: int = 5) -> SpeakerEncoding:
    return replace(enrolled, mixture=encoding(1, seed=seed))


MAP = LayerMap("block3", Spectrum(WINDOW, HOP, plain=True))
MIXED = torch.rand(
    1, 1 + SAMPLES // HOP, WINDOW // 2 + 1, generator=torch.Generator().manual_seed(3)
)


def test_of_a_constant_recording_its_spectrum_is_expected_everywhere() -> None:
    enrolled = encoding(1)
    enrolled = replace(enrolled, waveform=torch.full((1, SAMPLES), 0.1))
    magnitude, mask = enrolled_magnitudes(MAP.spectrum, enrolled, "here")
    assert mask.all() and torch.allclose(magnitude, magnitude[:, :1].expand_as(magnitude))
    shape = magnitude[0, 0] / magnitude[0, 0].norm()
    expected = (MIXED[0] @ shape)[:, None] * shape
    torch.testing.assert_close(MAP(MIXED, of_mixture(enrolled))[0], expected)


def test_padding_and_neighbours_change_nothing() -> None:
    alone = MAP(MIXED, of_mixture(encoding(1)))
    torch.testing.assert_close(MAP(MIXED, of_mixture(encoding(1, padded=96))), alone)
    both = MAP(MIXED.repeat(2, 1, 1), of_mixture(encoding(2)))
    assert not torch.allclose(both[0], both[1])


def test_several_people_equal_separate_runs() -> None:
    torch.manual_seed(0)
    extractor = GroupNormExtractor(4, 6, 1, 512, 256, map_layer="block3", bands=[(4, 1000)]).eval()
    extractor.layer_map = LayerMap("block3", extractor.spectrum)
    assert asks_for_mixture(extractor) and layers_of(extractor) == {"block3"}
    people = on_grid(2, 256)
    mixture = 0.1 * torch.randn(1, 2560)
    with torch.no_grad():
        together = extractor(mixture, people).waveform
        for k in range(2):
            layer = people.layers["block3"]
            one = replace(
                people,
                embedding=people.embedding[k : k + 1],
                waveform=people.waveform[k : k + 1],  # type: ignore[index]
                lengths=people.lengths[k : k + 1],  # type: ignore[index]
                layers={
                    "block3": replace(
                        layer, features=layer.features[k : k + 1], mask=layer.mask[k : k + 1]
                    )
                },
            )
            alone = extractor(mixture, one).waveform
            torch.testing.assert_close(together[k : k + 1], alone, atol=1e-5, rtol=1e-4)


def on_grid(people: int, hop: int) -> SpeakerEncoding:
    """As `encoding`, ten hops long, with the encoding of a mixture of that length."""

    def layer(count: int) -> dict[str, Layer]:
        mask = torch.ones(count, 11, dtype=torch.bool)
        return {"block3": Layer(torch.randn(count, 8, 11), mask, hop, 0)}

    mixture = SpeakerEncoding(torch.ones(1, 4), torch.zeros(1, 8, 11), layers=layer(1))
    return SpeakerEncoding(
        torch.randn(people, 4),
        torch.zeros(people, 8, 11),
        None,
        0.1 * torch.randn(people, 10 * hop),
        torch.full((people,), 10 * hop),
        layer(people),
        mixture=mixture,
    )


def test_what_is_missing_is_named() -> None:
    with pytest.raises(ConfigError, match="a mixture that was not encoded"):
        MAP(MIXED, encoding(1))
    with pytest.raises(ConfigError, match="11 and 11 frames"):
        MAP(MIXED[:, :4], of_mixture(encoding(1)))
    with pytest.raises(ConfigError, match="block3"):
        MAP(MIXED, replace(of_mixture(encoding(1)), layers={}))
    with pytest.raises(ConfigError, match="recording"):
        MAP(MIXED, replace(of_mixture(encoding(1)), waveform=None))
