"""Complex numbers as pairs of real ones, and Fourier transforms as matrix products: what runtimes
for exported graphs compute fastest, or at all."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from joint.app.export.transforms import Transforms

MOVED = frozenset(
    {
        *("reshape", "view", "transpose", "permute", "unsqueeze", "squeeze", "expand", "repeat"),
        *("repeat_interleave", "flatten", "unflatten", "contiguous", "detach", "clone", "narrow"),
        *("__getitem__", "neg", "zeros_like"),
    }
)
"""Functions that do to real and imaginary parts what they do to complex numbers."""
SEVERAL = frozenset({"split", "chunk", "unbind"})
JOINING = frozenset({"cat", "stack"})
MEASURED = frozenset({"size", "dim", "numel", "__len__"})


class Pair(torch.Tensor):
    """Complex numbers of any shape, as `re` and `im` of that shape.

    It counts as a tensor, so that a network takes it for one; what is asked of it is computed with
    the two. Raises NotImplementedError for a function that has no form in real arithmetic here.
    """

    re: Tensor
    im: Tensor

    @staticmethod
    def __new__(cls, re: Tensor, im: Tensor) -> "Pair":
        """Complex numbers of real and imaginary parts."""
        # a shell: its own shape is never asked for, since every function goes below
        pair: Pair = torch.Tensor._make_wrapper_subclass(cls, (0,), dtype=torch.complex64)
        pair.re, pair.im = re, im
        return pair

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Compute `func` in real arithmetic."""
        name, first, rest, named = func.__name__, args[0], args[1:], kwargs or {}
        if name in JOINING:
            re, im = [x.re for x in first], [x.im for x in first]
            return Pair(func(re, *rest, **named), func(im, *rest, **named))
        if name in FUNCTIONS:
            return FUNCTIONS[name](*args, **named)
        if isinstance(first, Pair):
            if name == "__get__":
                return _attribute(first, func.__self__.__name__)
            if name in MEASURED:
                return func(first.re, *rest, **named)
            if name in MOVED:
                return Pair(func(first.re, *rest, **named), func(first.im, *rest, **named))
            if name in SEVERAL:
                parts = func(first.re, *rest, **named), func(first.im, *rest, **named)
                return tuple(Pair(re, im) for re, im in zip(*parts, strict=True))
        raise NotImplementedError(f"{name} of complex numbers")

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Nothing comes here but what has no form in real arithmetic."""
        raise NotImplementedError(f"{func} of complex numbers")


def _attribute(pair: Pair, name: str) -> Any:
    if name in ("real", "imag"):
        return pair.re if name == "real" else pair.im
    return torch.complex64 if name == "dtype" else getattr(pair.re, name)


def _product(one: Any, other: Any) -> Pair:
    if not isinstance(one, Pair):
        one, other = other, one
    if not isinstance(other, Pair):
        return Pair(one.re * other, one.im * other)
    return Pair(one.re * other.re - one.im * other.im, one.re * other.im + one.im * other.re)


def _quotient(one: Any, other: Any) -> Pair:
    if isinstance(other, Pair):
        raise NotImplementedError("division by complex numbers")
    return Pair(one.re / other, one.im / other)


def _sum(one: Any, other: Any) -> Pair:
    if not isinstance(one, Pair):
        one, other = other, one
    if not isinstance(other, Pair):
        return Pair(one.re + other, one.im)
    return Pair(one.re + other.re, one.im + other.im)


def _difference(one: Any, other: Any) -> Pair:
    return _sum(one, -other)


def _magnitude(pair: Pair) -> Tensor:
    return (pair.re.square() + pair.im.square()).sqrt()


def _as_real(pair: Pair) -> Tensor:
    return torch.stack([pair.re, pair.im], dim=-1)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(("mul", "__mul__", "__rmul__"), _product),
    **dict.fromkeys(("div", "__truediv__", "true_divide"), _quotient),
    **dict.fromkeys(("add", "__add__", "__radd__"), _sum),
    **dict.fromkeys(("sub", "__sub__"), _difference),
    "abs": _magnitude,
    "view_as_real": _as_real,
}
"""Functions of complex numbers, by the names of torch's."""


class _MakesPairs(TorchFunctionMode):
    """Within it torch's functions from real to complex numbers give pairs, and its Fourier
    transforms are matrix products."""

    def __init__(self, transforms: Transforms) -> None:
        super().__init__()
        calls = iter(transforms.order) if transforms.order else None
        self.made: dict[str, Callable[..., Any]] = {
            "stft": lambda *a, **k: Pair(*transforms.stft(calls, *a, **k)),
            "fft_rfft": lambda *a, **k: Pair(*transforms.rfft(calls, *a, **k)),
            "istft": lambda pair, *a, **k: transforms.istft(calls, pair.re, pair.im, *a, **k),
            "complex": Pair,
            "view_as_complex": lambda x: Pair(x[..., 0], x[..., 1]),
        }

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """`func`, or what stands in its place."""
        return self.made.get(getattr(func, "__name__", ""), func)(*args, **(kwargs or {}))


class InRealArithmetic(nn.Module):
    """A network whose graph has real numbers alone. It runs once on `inputs`, which shows the
    Fourier transforms that it needs."""

    def __init__(self, network: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        super().__init__()
        self.network, transforms = network, Transforms()
        self.transforms = transforms
        with _without_autocast(), _MakesPairs(transforms):
            network(*inputs)

    def forward(self, *inputs: Tensor) -> Any:
        """What the network gives."""
        with _without_autocast(), _MakesPairs(self.transforms):
            return self.network(*inputs)


@contextmanager
def _without_autocast() -> Iterator[None]:
    """An export is float32 throughout; contexts that say so would be nodes of its graph."""
    usual = torch.autocast
    torch.autocast = lambda *_, **__: nullcontext()  # type: ignore[misc, assignment]
    try:
        yield
    finally:
        torch.autocast = usual  # type: ignore[misc]
