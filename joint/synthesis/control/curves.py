"""Curve: a number that changes over a recording, such as its pitch or its rate."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from joint.errors import ConfigError, DataError

COLUMNS = "two columns on each line, seconds and a number, with rising seconds"


@dataclass(frozen=True)
class Curve:
    """`values (n,)` at `seconds (n,)`, straight lines between them; before the first and after the
    last they stay."""

    seconds: np.ndarray
    values: np.ndarray

    @classmethod
    def of(cls, given: "float | Curve") -> "Curve":
        """A curve as it is, and a number as one that stays."""
        if isinstance(given, Curve):
            return given
        return cls(np.zeros(1), np.array([float(given)]))

    @classmethod
    def read(cls, path: str | Path) -> "Curve":
        """From a file of two columns, seconds and values, by spaces or commas; `#` begins a
        comment. Raises DataError for another file."""
        try:
            lines = Path(path).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            found = getattr(error, "strerror", None) or "no text"
            raise DataError(path, found, f"a file with {COLUMNS}") from None
        rows: list[tuple[float, float]] = []
        for number, line in enumerate(lines, 1):
            fields = line.partition("#")[0].replace(",", " ").split()
            if not fields:
                continue
            try:
                second, value = map(float, fields)
            except ValueError:
                raise DataError(f"{path}:{number}", repr(line.strip()), COLUMNS) from None
            if not np.isfinite([second, value]).all() or (rows and second <= rows[-1][0]):
                raise DataError(f"{path}:{number}", repr(line.strip()), COLUMNS)
            rows.append((second, value))
        if not rows:
            raise DataError(path, "no line with numbers", COLUMNS)
        return cls(*np.array(rows, dtype=np.float64).T)

    @classmethod
    def parsed(cls, text: str, option: str) -> "Curve":
        """What an `option` of the command line gives: a number, or the path of a file. Raises
        ConfigError for neither, and DataError as `read`."""
        try:
            return cls.of(float(text))
        except ValueError:
            if not Path(text).is_file():
                raise ConfigError(
                    option, repr(text), f"a number, or a file with {COLUMNS}"
                ) from None
        return cls.read(text)

    def at(self, seconds: np.ndarray) -> np.ndarray:
        """The values at `seconds (m,)`: `(m,)`."""
        found: np.ndarray = np.interp(seconds, self.seconds, self.values)
        return found

    @property
    def constant(self) -> float | None:
        """The number that stays; None where it changes."""
        first = float(self.values[0])
        return first if (self.values == first).all() else None
