"""How synthetic speech is asked for: each number within its range."""

from joint.errors import ConfigError

RANGES: dict[str, tuple[float, float, str]] = {
    "rate": (0.25, 4, "times the usual rate"),
    "pitch": (-24, 24, "semitones"),
    "energy": (-24, 24, "dB"),
    "steps": (1, 100, "steps"),
    "seed": (0, 2**63 - 1, "as a seed"),
}
"""The least and the greatest value of each number, and its unit."""

GRIFFIN_LIM = "griffin-lim"
"""The vocoder that needs no training."""


def check_manner(vocoder: str | None, option: str = "", **numbers: float | None) -> None:
    """Raise ConfigError for one of the `numbers`, by the names of `RANGES`, outside its range, and
    for an unknown `vocoder`; `option` stands before the name in the message."""
    for name, value in numbers.items():
        low, high, unit = RANGES[name]
        if value is not None and not low <= value <= high:  # NaN is outside
            raise ConfigError(f"{option}{name}", f"{value:g}", f"{low:g} to {high:g} {unit}")
    if vocoder not in (None, GRIFFIN_LIM):
        raise ConfigError(f"{option}vocoder", repr(vocoder), f"{GRIFFIN_LIM}, or none")
