"""The corpora of a recipe: one, a list, or several with names and weights."""

import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from joint.data.storage.remote import as_url
from joint.errors import ConfigError
from joint.training.config.wording import nearest, shown

FORMS = "one corpus, a list of them, or NAME: {path: …, weight: …} for each"
KEYS = ("path", "weight")
HEAVIEST = 1000.0


class Named(NamedTuple):
    """A corpus of a recipe."""

    path: str
    weight: float = 1.0


def named_corpora(value: Any, where: str, weighted: bool = True) -> dict[str, Named] | None:
    """The corpora that a recipe's key `where` names; None where it is one without a name.

    Raises ConfigError for another form, a corpus without a path, one that is named twice, and a
    weight that is not above 0, or that has no meaning here (`weighted` is False).
    """
    if isinstance(value, str):
        if not value:
            raise ConfigError(where, "no value", FORMS)
        return None
    if isinstance(value, Mapping):
        corpora = {name: _named(name, node, where, weighted) for name, node in value.items()}
        if not corpora:
            raise ConfigError(where, "no corpus", FORMS)
        refuse_twice({f"{where}.{name}": corpus.path for name, corpus in corpora.items()})
    elif isinstance(value, list | tuple):
        for place, path in enumerate(value):
            if not isinstance(path, str) or not path:
                raise ConfigError(f"{where}[{place}]", shown(path), "a folder or URL")
        refuse_twice({f"{where}[{place}]": path for place, path in enumerate(value)})
        corpora = {n: Named(path) for n, path in zip(names_of(value, where), value, strict=True)}
    else:
        raise ConfigError(where, shown(value), FORMS)
    return corpora


def check_corpora(
    path: Path,
    where: str,
    value: Any,
    chosen: Mapping[str, Sequence[str]],
    weighted: bool = True,
) -> None:
    """Raise ConfigError where `named_corpora` does, and where a key of `chosen` names a corpus that
    is not there. `path` is the recipe's file."""
    corpora = named_corpora(value, f"{path}: {where}", weighted)
    for key, names in chosen.items():
        if corpora is None:
            raise ConfigError(f"{path}: {key}", "names", f"none: {where} is one corpus, unnamed")
        if not names:
            raise ConfigError(f"{path}: {key}", "none", " or ".join(corpora))
        for name in names:
            if name not in corpora:
                raise ConfigError(f"{path}: {key}", name, nearest(name, list(corpora), ""))


def names_of(paths: Sequence[str], where: str) -> list[str]:
    """For each path its shortest end that is no other's, with `-` between folders.

    Raises ConfigError where such names do not differ.
    """
    parts = [re.split("/+", as_url(p) or os.path.abspath(p)) for p in paths]
    for depth in range(1, max(map(len, parts), default=0) + 1):
        names = [re.sub(r"\s+", "_", "-".join(filter(None, part[-depth:]))) for part in parts]
        if len(set(names)) == len(names):
            return names
    found = "folders that cannot be told apart by name" if paths else "no corpus"
    raise ConfigError(where, found, FORMS)


def _named(name: Any, node: Any, where: str, weighted: bool) -> Named:
    where = f"{where}.{name}"
    if not isinstance(name, str) or not re.fullmatch(r"[^\s/.]+", name):
        raise ConfigError(where, repr(name), "a name without spaces, dots and slashes")
    if not isinstance(node, Mapping):
        raise ConfigError(where, shown(node), "{path: …, weight: …}")
    for key in node:
        if key not in KEYS:
            raise ConfigError(f"{where}.{key}", "an unknown key", nearest(str(key), KEYS, ""))
    path, weight = node.get("path"), node.get("weight", 1.0)
    if not isinstance(path, str) or not path:
        found = "no value" if path in (None, "") else shown(path)
        raise ConfigError(f"{where}.path", found, "a folder or URL")
    if "weight" in node and not weighted:
        raise ConfigError(f"{where}.weight", shown(weight), "none: every corpus counts alike")
    number = isinstance(weight, int | float) and not isinstance(weight, bool)
    if not number or not math.isfinite(weight) or not 0 < weight <= HEAVIEST:
        raise ConfigError(f"{where}.weight", shown(weight), f"above 0, at most {HEAVIEST:.0f}")
    return Named(path, float(weight))


def refuse_twice(paths: Mapping[str, str]) -> None:
    """Raise ConfigError where two of the `paths`, by their keys, are one folder or URL."""
    seen: dict[str, str] = {}
    for where, path in paths.items():
        real = as_url(path) or os.path.realpath(path)
        if real in seen:
            raise ConfigError(where, f"{path} a second time", f"once ({seen[real]})")
        seen[real] = where
