"""Warnings and errors of a command on the terminal, one line each."""

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from joint.errors import JointError

BAD_INPUT = 2
HOUSE = ("joint", "tasks", "recipes", "pretrained", "analysis")


def one_line(text: str) -> str:
    """`text` with every run of white space replaced by one blank."""
    return " ".join(text.split())


def warn(text: str) -> None:
    """Print one warning line on stderr."""
    print(one_line(f"warning: {text}"), file=sys.stderr)


@contextmanager
def errors_in_one_line() -> Iterator[None]:
    """Bad input prints one line and exits 2, Ctrl-C exits 130."""
    try:
        yield
    except JointError as error:
        print(one_line(f"error: {error}"), file=sys.stderr)
        sys.exit(BAD_INPUT)
    except OSError as error:
        where = error.filename or "a file"
        print(one_line(f"error: {where}: {error.strerror or error}"), file=sys.stderr)
        sys.exit(BAD_INPUT)
    except KeyboardInterrupt:
        sys.exit(130)


def quiet_libraries() -> None:
    """Show this package's warnings as one line each and hide those of libraries.

    `python -W …` keeps its meaning: whoever asks for warnings gets them.
    """
    if sys.warnoptions:
        return
    # By the module of the category, not by a filter on it, which would have to import it.
    warnings.simplefilter("always")
    # A command reads recordings from files, and their warnings have the path already.
    warnings.filterwarnings("ignore", message=r"(recording \d+|mixture|enrollment): ")
    warnings.showwarning = _show
    for name in HOUSE:
        logger = logging.getLogger(name)
        if not any(isinstance(handler, _WarningLines) for handler in logger.handlers):
            logger.addHandler(_WarningLines(logging.WARNING))


class _WarningLines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        """Print a record of this package as a line."""
        warn(record.getMessage())


def _show(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    if category.__module__.partition(".")[0] in HOUSE:
        warn(str(message))
