"""Fourier transforms as products with matrices."""

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.units import Samples

Calls = Iterator[str] | None
"""Names of the matrices of the calls to come; None in the first run, which finds them out."""


class Transforms(nn.Module):
    """The Fourier transforms of one network: their matrices are buffers, so that an export holds
    them as constants, and `order` has the buffer of each call. What is complex comes and goes as
    real and imaginary parts."""

    def __init__(self) -> None:
        super().__init__()
        self.order: list[str] = []
        self._names: dict[tuple[object, ...], str] = {}

    def rfft(self, calls: Calls, x: Tensor, n: int | None = None) -> tuple[Tensor, Tensor]:
        """As `torch.fft.rfft` over the last dimension, without normalisation."""
        window, size = int(x.shape[-1]), n or int(x.shape[-1])

        def matrix() -> Tensor:
            return torch.cat(_waves(size, min(window, size)), dim=0).T

        product = x[..., : min(window, size)] @ self._matrix(calls, matrix, "rfft", size, window)
        re, im = product.split(size // 2 + 1, dim=-1)
        return re, im

    def stft(
        self,
        calls: Calls,
        input: Tensor,
        n_fft: Samples,
        hop_length: Samples,
        win_length: Samples | None = None,
        window: Tensor | None = None,
        center: bool = True,
        pad_mode: str = "reflect",
        normalized: bool = False,
        onesided: bool | None = None,
        return_complex: bool = True,
        align_to_window: bool | None = None,
    ) -> tuple[Tensor, Tensor]:
        """As `torch.stft` of `input (B, S)`, one-sided: two of `(B, bins, T)`."""
        _refuse_short_window(n_fft, win_length, window)
        assert window is not None
        x = input.unsqueeze(1)
        if center:
            x = F.pad(x, (n_fft // 2, n_fft // 2), mode=pad_mode)

        def kernel() -> Tensor:
            scale = n_fft**-0.5 if normalized else 1.0
            waves = torch.cat(_waves(n_fft, n_fft), dim=0)
            return (waves * window.double() * scale).unsqueeze(1)

        key = "stft", n_fft, normalized, _content(calls, window)
        spectrum = F.conv1d(x, self._matrix(calls, kernel, *key), stride=hop_length)
        re, im = spectrum.split(n_fft // 2 + 1, dim=1)
        return re, im

    def istft(
        self,
        calls: Calls,
        re: Tensor,
        im: Tensor,
        n_fft: Samples,
        hop_length: Samples,
        win_length: Samples | None = None,
        window: Tensor | None = None,
        center: bool = True,
        normalized: bool = False,
        onesided: bool | None = None,
        length: Samples | None = None,
        return_complex: bool = False,
    ) -> Tensor:
        """As `torch.istft` of a one-sided, centred spectrum, two of `(B, bins, T)`: `(B, S)`."""
        _refuse_short_window(n_fft, win_length, window)
        assert window is not None
        if not center:
            raise NotImplementedError("an inverse transform that is not centred")

        def kernel() -> Tensor:
            # a bin between the first and the last stands for its mirror image too
            both = torch.full((n_fft // 2 + 1, 1), 2.0, dtype=torch.float64)
            both[0] = both[-1] = 1.0
            scale = (n_fft**0.5 if normalized else 1.0) / n_fft
            waves = torch.cat([both * wave for wave in _waves(n_fft, n_fft)], dim=0)
            return (waves * window.double() * scale).unsqueeze(1)

        content = _content(calls, window)
        name = "istft", n_fft, normalized, content
        parts = torch.cat([re, im], dim=1)
        matrix = self._matrix(calls, kernel, *name)
        added = F.conv_transpose1d(parts, matrix, stride=hop_length)
        squares = self._matrix(
            calls, lambda: window.double().square()[None, None], "squares", n_fft, content
        )
        envelope = F.conv_transpose1d(torch.ones_like(re[:1, :1]), squares, stride=hop_length)
        start = n_fft // 2
        end = start + (length if length is not None else (re.shape[2] - 1) * hop_length)
        waveform: Tensor = (added[:, 0, start:end]) / envelope[:, 0, start:end]
        return waveform

    def _matrix(self, calls: Calls, make: Callable[[], Tensor], *key: object) -> Tensor:
        """The buffer for a call: the next one, or in the first run one of this `key`."""
        if calls is not None:
            return self.get_buffer(next(calls))
        if key not in self._names:
            self._names[key] = f"matrix{len(self._names)}"
            self.register_buffer(self._names[key], make().float().contiguous())
        self.order.append(self._names[key])
        return self.get_buffer(self._names[key])


def _waves(size: Samples, window: Samples) -> tuple[Tensor, Tensor]:
    """Cosines and negative sines of all bins, each `(size // 2 + 1, window)`, float64."""
    bins = torch.arange(size // 2 + 1, dtype=torch.float64)
    # whole periods are taken off first: the angles keep all their digits
    turns = (bins[:, None] * torch.arange(window, dtype=torch.float64)).remainder(size)
    angle = turns * (2.0 * torch.pi / size)
    return angle.cos(), -angle.sin()


def _content(calls: Calls, window: Tensor) -> bytes:
    """The values of a window, by which matrices are told apart in the first run."""
    return window.detach().cpu().numpy().tobytes() if calls is None else b""


def _refuse_short_window(n_fft: Samples, win_length: Samples | None, window: Tensor | None) -> None:
    if window is None or win_length not in (None, n_fft) or len(window) != n_fft:
        raise NotImplementedError("a Fourier transform whose window is not as long as it")
