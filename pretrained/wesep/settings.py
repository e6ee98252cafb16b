"""WeSep's configuration: arguments of a model with their defaults, and what of it must be so."""

from collections.abc import Container, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from joint.errors import CheckpointError
from joint.units import SAMPLE_RATE

IGNORED = {"spk_model_init", "spk_model_freeze", "use_bidirectional"}
"""Arguments that say how the training began, or that no model of WeSep reads."""
SPEAKER: Mapping[str, Any] = {
    "spk_emb_dim": 256,
    "use_spk_transform": False,
    "spk_fuse_type": "multiply",
    "multi_fuse": False,
    "joint_training": True,
    "multi_task": False,
    "spksInTrain": 251,
    "spk_model": None,
    "spk_args": None,
    "spk_feat": False,
    "feat_type": "consistent",
}
"""Arguments that all models have, with their most common default."""


class Settings:
    """The arguments of one model from the configuration at `path`, with `defaults` for those that
    it leaves out. Raises CheckpointError for an argument that the model does not have."""

    def __init__(self, path: Path, given: Any, data: Any, defaults: Mapping[str, Any]) -> None:
        self.path = path
        self.data = data if isinstance(data, Mapping) else {}
        if not isinstance(given, Mapping):
            raise CheckpointError(f"{path}: {ARGUMENTS}", repr(given), "keys and values")
        for key in given:
            if key not in defaults and key not in IGNORED:
                raise CheckpointError(self.where(key), "an unknown key", _near(key, defaults))
        self.values = {**defaults, **given}

    def __getitem__(self, key: str) -> Any:
        return self.values[key]

    def where(self, key: str) -> str:
        """How messages name the argument `key`."""
        return f"{self.path}: {ARGUMENTS}.{key}"

    def need(self, key: str, *expected: Any) -> Any:
        """The argument `key`. Raises CheckpointError where it has none of the values."""
        if self[key] not in expected:
            wanted = " or ".join(map(repr, expected))
            raise CheckpointError(self.where(key), repr(self[key]), wanted)
        return self[key]

    def one_of(self, key: str, known: Container[Any] | Iterable[Any]) -> Any:
        """As `need`, for names; the nearest is given."""
        names = [str(name) for name in known]  # type: ignore[union-attr]
        if self[key] not in names:
            raise CheckpointError(self.where(key), repr(self[key]), _near(self[key], names))
        return self[key]

    def whole(self, *keys: str) -> list[int]:
        """Arguments that are whole numbers above 0. Raises CheckpointError for others."""
        for key in keys:
            value = self[key]
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise CheckpointError(self.where(key), repr(value), "a whole number above 0")
        return [self[key] for key in keys]

    def need_of_data(self, key: str, expected: Any, default: Any) -> None:
        """Raises CheckpointError where `dataset_args` has something else at a dotted key."""
        value: Any = self.data
        for part in key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        value = default if value is None else value
        if value != expected:
            raise CheckpointError(f"{self.path}: dataset_args.{key}", repr(value), repr(expected))

    def need_rate(self) -> None:
        """Raises CheckpointError for a model of another sample rate than this toolkit's."""
        rates = {f"{self.path}: dataset_args.resample_rate": self.data.get("resample_rate")}
        if "sr" in self.values:
            rates[self.where("sr")] = self["sr"]
        for where, rate in rates.items():
            if rate is not None and rate != SAMPLE_RATE:
                expected = f"{SAMPLE_RATE}: a model of another rate would misread all audio"
                raise CheckpointError(where, f"a model of {rate} Hz", expected)


ARGUMENTS = "model_args.tse_model"


def _near(name: Any, known: Iterable[str]) -> str:
    return " or ".join(get_close_matches(str(name), list(known), 3, 0.0)) or "no argument"
