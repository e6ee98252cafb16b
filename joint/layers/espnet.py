"""Classes of espnet, an optional package, and the weight normalisation of its networks."""

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from io import StringIO
from typing import Any

from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from joint.errors import ConfigError


def espnet_class(module: str, name: str, part: str, bare: bool = False) -> Any:
    """Import the class `name` from a `module` of espnet, for the `part` of a model that errors
    name; `bare`: see `bare_package`. Raises ConfigError where it is missing."""
    package = bare_package(module.rpartition(".")[0]) if bare else nullcontext()
    try:
        # it prints that flash attention is not installed
        with redirect_stdout(StringIO()), package:
            found = getattr(import_module(module), name)
    except ImportError as error:
        raise ConfigError(
            part,
            f"no package espnet ({error})",
            "pip install 'joint-speaker[espnet]', then pip install --no-deps espnet==202511",
        ) from None
    # it warns of every hypothesis that reaches the length of the recording
    logging.getLogger("espnet").setLevel(logging.ERROR)
    logging.getLogger().addFilter(_not_espnet)
    warnings.filterwarnings("ignore", "torch.meshgrid", UserWarning)
    return found


@contextmanager
def bare_package(name: str) -> Iterator[None]:
    """Within it modules of a package are imported without the package's own `__init__`, which may
    import what they do not need: that of espnet's VITS wants librosa and numba."""
    if name in sys.modules or (spec := find_spec(name)) is None:
        yield
        return
    sys.modules[name] = module_from_spec(spec)
    try:
        yield
    finally:
        del sys.modules[name]


def convolutions(network: nn.Module) -> list[nn.Conv1d | nn.ConvTranspose1d]:
    """Those over time inside a network."""
    return [m for m in network.modules() if isinstance(m, nn.Conv1d | nn.ConvTranspose1d)]


def normalise_weights(network: nn.Module) -> None:
    """Split the weights of each convolution over time into length and direction (Salimans and
    Kingma, NeurIPS 2016). espnet does so with torch's older hooks, which leave a network that
    cannot be copied: have it leave them out."""
    for module in convolutions(network):
        weight_norm(module)


def _not_espnet(record: logging.LogRecord) -> bool:
    """False for what espnet logs under no name: attention would fill pages with a remark on
    tracing."""
    return record.module != "nets_utils"
