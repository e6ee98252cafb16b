"""Complex numbers as pairs, and Fourier transforms as matrices, give what torch gives."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from joint.app.export.arithmetic import InRealArithmetic, Pair
from joint.audio import read_audio
from joint.synthesis.vocoders.magnitudes import consistent
from tasks.extraction.extractors.spectrum import Spectrum, compressed


class Network(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        """What the function gives."""
        return self.function(x)


@pytest.fixture(scope="module")
def waveform(recordings: list[str]) -> Tensor:
    """Real speech `(2, S)`, S no whole number of hops."""
    pair = [torch.from_numpy(read_audio(path))[:16_001] for path in recordings[::2]]
    return torch.stack(pair)


def masked(spectrum: Spectrum) -> Callable[[Tensor], Tensor]:
    """A complex mask on a compressed spectrum, and back."""

    def run(x: Tensor) -> Tensor:
        found = spectrum(x)
        turned = torch.view_as_complex(torch.view_as_real(found).flip(-1).contiguous())
        parts = torch.cat([compressed(found, 0.3)[:, :, :9], turned[:, :, 9:]], dim=2)
        first, second = parts.split([1, parts.shape[0] - 1])
        whole = torch.stack([first, second], dim=1)[:, 0]
        mask = torch.complex(found.real.tanh(), found.imag.tanh()).unsqueeze(1).squeeze(1)
        return spectrum.inverse((whole[:1] - found) * mask + found / 2.0, x.shape[1])

    return run


TRANSFORMS = {
    "a normalised spectrum": masked(Spectrum(512, 128)),
    "a plain spectrum": masked(Spectrum(256, 64, plain=True)),
    "a window of no power of two": masked(Spectrum(320, 80)),
    "frames of a filterbank": lambda x: torch.fft.rfft(x.unfold(1, 400, 160), 512).abs() ** 2,
    "frames that are cut": lambda x: torch.fft.rfft(x.unfold(1, 400, 160), 256).real,
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_as_torch_computes_it(name: str, waveform: Tensor) -> None:
    function = TRANSFORMS[name]
    expected = function(waveform)
    for _ in range(2):  # the first run finds the matrices, the second uses them
        network = InRealArithmetic(Network(function), (waveform,))
    found = network(waveform[:, :9_000])
    torch.testing.assert_close(
        network(waveform), expected, rtol=1e-4, atol=2e-5 * expected.abs().max()
    )
    torch.testing.assert_close(found, function(waveform[:, :9_000]), rtol=1e-4, atol=1e-3)


def test_iterations_of_phases(waveform: Tensor) -> None:
    """Thirty transforms, one after the other, with few matrices."""
    from joint.synthesis.mel import WINDOW, LogMel

    mel, window = LogMel(), torch.hann_window(WINDOW)
    cut = waveform[:, :16_000]

    def run(x: Tensor) -> Tensor:
        return consistent(x, mel(cut), mel.filters, window, 4)

    network = InRealArithmetic(Network(run), (cut,))
    assert len(list(network.buffers())) == 3
    torch.testing.assert_close(network(cut), run(cut), rtol=1e-3, atol=1e-4)


def test_what_has_no_real_form_is_refused() -> None:
    pair = Pair(torch.ones(2), torch.ones(2))
    assert pair.shape == (2,) and pair.dtype == torch.complex64
    with pytest.raises(NotImplementedError, match="angle of complex numbers"):
        torch.angle(pair)
