"""The tensors of a TorchScript file, without torch, whose import takes longer than what a small
network computes."""

import pickle
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import ZipFile

import numpy as np


def read_tensors(path: Path) -> dict[str, np.ndarray]:
    """The float32 tensors of a TorchScript file, by their dotted names; none of its code is run."""
    with ZipFile(path) as archive:
        pickled = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
        return dict(_named(_Reader(archive, pickled).load(), ""))


class _Module:
    """A module of the file: its attributes, whatever its class."""


class _Reader(pickle.Unpickler):
    """Makes modules, NumPy arrays and plain values of what a file has stored, and nothing else."""

    def __init__(self, archive: ZipFile, pickled: str) -> None:
        file: BinaryIO = BytesIO(archive.read(pickled))
        super().__init__(file)
        self._archive, self._folder = archive, pickled.removesuffix(".pkl")

    def find_class(self, module: str, name: str) -> Any:
        """What stands for a class or a function that the file names."""
        if name == "_rebuild_tensor_v2":
            return _tensor
        if name.startswith("build_"):  # typed lists
            return list
        return dict if name == "OrderedDict" else _Module

    def persistent_load(self, pid: tuple[str, type, str, str, int]) -> np.ndarray:
        """The values of one tensor, which the file keeps apart."""
        return np.frombuffer(self._archive.read(f"{self._folder}/{pid[2]}"), dtype="<f4")


def _tensor(
    values: np.ndarray, offset: int, shape: Sequence[int], strides: Sequence[int], *_: object
) -> np.ndarray:
    steps = [values.itemsize * step for step in strides]
    return np.lib.stride_tricks.as_strided(values[offset:], shape, steps, writeable=False)


def _named(module: _Module, prefix: str) -> Iterator[tuple[str, np.ndarray]]:
    for name, value in vars(module).items():
        if isinstance(value, np.ndarray):
            yield prefix + name, value
        elif isinstance(value, _Module):
            yield from _named(value, f"{prefix}{name}.")
