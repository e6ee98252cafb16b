"""Warnings and errors of a command on the terminal, one line each."""

import io
import json
import logging
import os
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from joint.errors import JointError

BAD_INPUT = 2
OTHERS_FAIL_WITHIN = 10.0
"""Seconds in which the first of several processes has met the error that another one met."""
HOUSE = ("joint", "tasks", "recipes", "pretrained", "analysis")


def one_line(text: str) -> str:
    """`text` with every run of white space replaced by one blank."""
    return " ".join(text.split())


def warn(text: str) -> None:
    """Print one warning line on stderr."""
    print(one_line(f"warning: {text}"), file=sys.stderr)


@contextmanager
def errors_in_one_line() -> Iterator[None]:
    """Bad input prints one line and exits 2, Ctrl-C exits 130; a warning is one line."""
    with warnings.catch_warnings():
        quiet_libraries()
        try:
            yield
        except JointError as error:
            fail(str(error))
        except OSError as error:
            where = error.filename or "a file"
            fail(f"{where}: {error.strerror or error}")
        except KeyboardInterrupt:
            sys.exit(130)


def fail(text: str) -> NoReturn:
    """Print one error line on stderr and exit with the code of bad input.

    Of the processes that torchrun started, only the first prints the line, and leaves it where
    torchrun reads it for the end of its report: torchrun stops the others when one has failed.
    """
    line = one_line(f"error: {text}")
    report = os.environ.get("TORCHELASTIC_ERROR_FILE")
    if report:
        if os.environ.get("RANK") != "0":
            time.sleep(OTHERS_FAIL_WITHIN)  # what comes after it is this process's own error
            first = Path(report).parents[1] / "0" / Path(report).name
            if first.is_file():  # it has met an error too, and is slow to end
                sys.exit(BAD_INPUT)
        extra = {"timestamp": str(int(time.time()))}
        Path(report).write_text(json.dumps({"message": {"message": line, "extraInfo": extra}}))
    print(line, file=sys.stderr, flush=True)
    sys.exit(BAD_INPUT)


def quiet_libraries() -> None:
    """Show this package's warnings as one line each and hide those of libraries.

    `python -W …` keeps its meaning: whoever asks for warnings gets them.
    """
    if sys.warnoptions:
        return
    # By the module of the category, not by a filter on it, which would have to import it.
    warnings.simplefilter("always")
    # A command reads recordings from files, and their warnings have the path already.
    warnings.filterwarnings("ignore", message=r"(recording( \d+)?|mixture|enrolment): ")
    warnings.showwarning = _show
    for name in HOUSE:
        logger = logging.getLogger(name)
        if not any(isinstance(handler, _WarningLines) for handler in logger.handlers):
            logger.addHandler(_WarningLines(logging.WARNING))


def print_any_text() -> None:
    """Show characters that the terminal's encoding lacks, such as the bytes of a file's name that
    are not UTF-8, as escapes, on standard output too."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


class _WarningLines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        """Print a record of this package as a line."""
        warn(record.getMessage())


def _show(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    if category.__module__.partition(".")[0] in HOUSE:
        warn(str(message))
