"""How an answer reaches the page: bad input as a message, warnings as notes below the answer."""

import re
import tempfile
import threading
import traceback
import warnings
from collections.abc import Callable
from functools import wraps
from html import escape
from typing import Any

import gradio as gr

from joint.audio import AudioWarning
from joint.errors import JointError

ONE_AT_A_TIME = threading.Lock()
"""Warnings are caught for the whole process, and the models share the processor's cores."""

FAILED = "Something went wrong on the server; its terminal has more about it."


def answered(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` for a button of the page. It gives a text, or a text and what other components
    show; the text gets a line for each AudioWarning.

    Raises gr.Error, which the page shows until it is closed, for bad input, a full disk and
    whatever else goes wrong.
    """

    @wraps(function)
    def run(*values: Any) -> Any:
        with ONE_AT_A_TIME, warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", AudioWarning)
            try:
                answer = function(*values)
            except JointError as error:
                raise message(str(error)) from None
            except OSError as error:
                where = error.filename or "a file"
                raise message(f"{where}: {error.strerror or error}") from None
            except Exception:
                traceback.print_exc()
                raise message(FAILED) from None
        notes = [w.message for w in caught if issubclass(w.category, AudioWarning)]
        text, *others = answer if isinstance(answer, tuple) else (answer,)
        lines = [text, *(f"note: {without_folders(str(note))}" for note in notes)]
        whole = "\n".join(line for line in lines if line)
        return (whole, *others) if others else whole

    return run


def message(text: str) -> gr.Error:
    """A message that stays on the page, which shows it as HTML, until it is closed."""
    shown = escape(without_folders(text), quote=False)
    return gr.Error(shown, duration=None, print_exception=False)


def without_folders(text: str) -> str:
    """`text` without the folders of temporary files, which tell a visitor nothing."""
    return re.sub(rf"{re.escape(tempfile.gettempdir())}/(?:[^/\s]+/)+", "", text)
