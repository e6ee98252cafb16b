"""Classes of espnet, an optional package."""

import logging
from contextlib import redirect_stdout
from importlib import import_module
from io import StringIO
from typing import Any

from joint.errors import ConfigError


def espnet_class(module: str, name: str, part: str) -> Any:
    """Import the class `name` from a `module` of espnet, for the `part` of a model that errors
    name. Raises ConfigError where it is missing."""
    try:
        with redirect_stdout(StringIO()):  # it prints that flash attention is not installed
            found = getattr(import_module(module), name)
    except ImportError as error:
        raise ConfigError(
            part,
            f"no package espnet ({error})",
            "pip install 'joint-speaker[espnet]', then pip install --no-deps espnet==202511",
        ) from None
    # it warns of every hypothesis that reaches the length of the recording
    logging.getLogger("espnet").setLevel(logging.ERROR)
    return found
