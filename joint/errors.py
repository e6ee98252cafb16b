"""The package's errors: one line with the place, what was found and what was expected."""

from collections.abc import Sequence
from pathlib import Path

LONGEST, LONGEST_OF_BYTES = 240, 80
"""Characters of a place, or of what was found, that a message shows; fewer of what is no text."""


class JointError(Exception):
    """Base of all errors that a user's input can cause; the command line prints it and exits 2."""

    def __init__(self, where: str | Path, found: str, expected: str) -> None:
        self.where, self.found, self.expected = shortened(str(where)), shortened(found), expected
        line = f"{self.where}: found {self.found}; expected {expected}"
        super().__init__(line.replace("\n", " "))

    def __reduce__(self) -> tuple[type, tuple[str, str, str]]:
        return type(self), (self.where, self.found, self.expected)


def shortened(text: str) -> str:
    """`text` with its control characters as escapes, and without its middle where it is long: a
    wrong file must not fill the terminal."""
    shown = "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)
    strange = "\ufffd" in shown or shown.count("\\x") + shown.count("\\u") > 2
    longest = LONGEST_OF_BYTES if strange else LONGEST
    if len(shown) <= longest:
        return shown
    end = longest // 4
    return f"{shown[: longest - end - 1]}…{shown[-end:]}"


def first_of(names: Sequence[str], count: int = 5) -> str:
    """The first `count` names, for a message."""
    return ", ".join(names[:count]) + (" …" if len(names) > count else "")


class AudioError(JointError):
    """A recording that cannot be used."""


class TooLongError(AudioError):
    """A recording that is longer than a service takes."""


class DataError(JointError):
    """A corpus, table or list that cannot be used."""


class ConfigError(JointError):
    """A configuration that cannot be built."""


class CheckpointError(JointError):
    """A checkpoint that cannot be read or written."""


class TrainingError(JointError):
    """A training run that cannot go on."""
