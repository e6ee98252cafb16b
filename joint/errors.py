"""The package's errors: one line with the place, what was found and what was expected."""

from pathlib import Path


class JointError(Exception):
    """Base of all errors that a user's input can cause; the command line prints it and exits 2."""

    def __init__(self, where: str | Path, found: str, expected: str) -> None:
        self.where, self.found, self.expected = str(where), found, expected
        super().__init__(f"{where}: found {found}; expected {expected}".replace("\n", " "))

    def __reduce__(self) -> tuple[type, tuple[str, str, str]]:
        return type(self), (self.where, self.found, self.expected)


class AudioError(JointError):
    """A recording that cannot be used."""


class DataError(JointError):
    """A corpus, table or list that cannot be used."""


class ConfigError(JointError):
    """A configuration that cannot be built."""


class CheckpointError(JointError):
    """A checkpoint that cannot be read or written."""


class TrainingError(JointError):
    """A training run that cannot go on."""
