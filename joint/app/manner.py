"""How synthetic speech is asked for: each number within its range."""

from collections.abc import Collection
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from joint.errors import CheckpointError, ConfigError
from pretrained.catalogue import checkpoint_path

if TYPE_CHECKING:
    from joint.synthesis.control.curves import Curve

RANGES: dict[str, tuple[float, float, str]] = {
    "rate": (0.25, 4, "times the usual rate"),
    "pitch": (-24, 24, "semitones"),
    "energy": (-24, 24, "dB"),
    "steps": (1, 100, "steps"),
    "temperature": (0, 2, "as a temperature"),
    "top_p": (0.01, 1, "as a probability"),
    "seed": (0, 2**63 - 1, "as a seed"),
}
"""The least and the greatest value of each number, and its unit."""

WHOLE = ("steps", "seed")
"""Of them, the whole numbers."""

USUAL = {"rate": 1, "pitch": 0, "steps": None, "temperature": None, "top_p": None}
"""What is asked of any synthesis; None: the decoder's own."""

GRIFFIN_LIM = "griffin-lim"
"""The vocoder that needs no training."""


def check_manner(vocoder: str | None, option: str = "", **numbers: Any) -> None:
    """Raise ConfigError for a `vocoder` that is neither `GRIFFIN_LIM` nor a checkpoint, and for one
    of the `numbers`, by the names of `RANGES`, that is no number or outside its range; those that
    are usually None may be that. `option` stands before the name in the message."""
    for name, value in numbers.items():
        if value is None and USUAL.get(name, 0) is None:
            continue
        called_by = f"{option}{name.replace('_', '-') if option else name}"
        low, high, unit = RANGES[name]
        kind: Any = Integral if name in WHOLE else Real
        called = "a whole number, " if name in WHOLE else ""
        expected = f"{called}{low:g} to {high:g} {unit}"
        if not isinstance(value, kind) or isinstance(value, bool):
            raise ConfigError(called_by, repr(value), expected)
        if not low <= value <= high:  # NaN is outside
            raise ConfigError(called_by, f"{value:g}", expected)
    if vocoder not in (None, GRIFFIN_LIM):
        try:
            checkpoint_path(vocoder)
        except CheckpointError as error:
            expected = f"{GRIFFIN_LIM}, or a checkpoint with a vocoder: {error.expected}"
            raise ConfigError(f"{option}vocoder", repr(vocoder), expected) from None


def check_controls(controls: Collection[str], **asked: Any) -> None:
    """Raise ConfigError for what is asked for and not at its usual value, where it is not among the
    `controls` of the task that speaks."""
    for name, value in asked.items():
        if name not in controls and value != USUAL[name]:
            usual = "none" if USUAL[name] is None else str(USUAL[name])
            raise ConfigError(name, f"{value:g}", f"{usual}: this synthesis cannot control it")


def check_curves(option: str = "", **curves: "Curve") -> None:
    """Raise ConfigError for a curve that leaves the range of its name; see `check_manner`."""
    for name, curve in curves.items():
        for value in (curve.values.min(), curve.values.max()):
            check_manner(None, option, **{name: float(value)})
