"""Finished runs are those that their grid would make: a table must not mix budgets or test sets."""

import json
import os
from collections.abc import Mapping
from typing import Any

from omegaconf import OmegaConf

from joint.errors import ConfigError
from joint.experiments.ablation import TEST, Run

FOLDER = "folder"
"""What a run's `test.json` has beside checksums of lists: where they lay, for messages."""


def check_finished(run: Run, test: Mapping[str, str]) -> None:
    """Raises ConfigError where the run is finished and had another recipe than the grid's, or where
    a list was another one than in `test`, which has the `FOLDER` of a test set and the checksums of
    its lists by their names.

    A recipe or a test set that is not known, as of a run that was restored, is not compared.
    """
    if run.downstream is not None:
        check_finished(run.downstream, test)
    if run.figures() is None:
        return
    if run.recipe.is_file():
        before, now = (
            flattened(OmegaConf.to_container(OmegaConf.create(text)))
            for text in (run.recipe.read_text(), OmegaConf.to_yaml(run.config))
        )
        for key in before | now:
            found, asked = before.get(key, "nothing"), now.get(key, "nothing")
            if key != "output" and not _equal(found, asked):  # it was found there
                raise _another(run, key, found, asked)
    path = run.folder / TEST
    known: dict[str, str] = json.loads(path.read_text()) if path.is_file() else {}
    for name in sorted(known.keys() & test.keys() - {FOLDER}):
        if known[name] != test[name]:
            found, asked = (f"{name} of {lists[FOLDER]}" for lists in (known, test))
            raise _another(run, "test set", found, asked)


def flattened(node: Any, key: str = "") -> dict[str, Any]:
    """The values in nested mappings and lists by their keys, such as `trainer.max_steps`."""
    found: dict[str, Any] = {}
    for name, value in node.items() if isinstance(node, dict) else enumerate(node):
        own = f"{key}.{name}" if key else str(name)
        nested = isinstance(value, dict | list) and value
        found |= flattened(value, own) if nested else {own: value}
    return found


def _equal(found: Any, asked: Any) -> bool:
    """Whether two values are equal, or one path in two spellings."""
    if isinstance(found, str) and isinstance(asked, str):
        return os.path.abspath(found) == os.path.abspath(asked)
    return bool(found == asked)


def _another(run: Run, key: str, found: Any, asked: Any) -> ConfigError:
    expected = f"{asked}, or another output= for runs that are not compared with it"
    return ConfigError(f"{run.folder}: {key}", f"a finished run with {found}", expected)
