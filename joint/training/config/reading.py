"""A YAML file and `key=value` overrides as a typed configuration."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from joint.errors import ConfigError
from joint.files import line_not_utf8
from joint.training.config.composition import chooses_a_block, compose
from joint.training.config.wording import found_and_expected, nearest

Typed = TypeVar("Typed")


def keys_of(overrides: Sequence[str]) -> DictConfig:
    """`key=value` overrides as a configuration. Raises ConfigError."""
    for override in overrides:
        if "=" not in override:
            raise ConfigError(override, "no '='", "key=value")
    try:
        return OmegaConf.from_dotlist(list(overrides))
    except Exception as error:  # yaml's errors share no public base with OmegaConf's
        found = str(error).splitlines()[0]
        raise ConfigError(" ".join(overrides), found, "key=value") from None


def typed(path: Path, kind: type[Typed], overrides: Sequence[str]) -> Typed:
    """The YAML file at `path` with `key=value` overrides, as a dataclass `kind`.

    Raises ConfigError for a missing or malformed file, an unknown key (with the nearest valid
    name), a wrong type.
    """
    changes = keys_of(overrides)
    return _read(path, lambda given: _typed(OmegaConf.merge(given, changes), kind))


def composed(path: Path, overrides: Sequence[str] = ()) -> DictConfig:
    """The recipe at `path` with its blocks and the overrides: those of values, and those that
    exchange a block (`encoders@encoder=campplus`). Raises ConfigError."""
    choices = [given for given in overrides if chooses_a_block(given)]
    changes = keys_of([given for given in overrides if given not in choices])

    def make(given: DictConfig) -> DictConfig:
        merged = OmegaConf.merge(compose(given, path, choices), changes)
        assert isinstance(merged, DictConfig)
        return merged

    return _read(path, make)


def typed_recipe(path: Path, kind: type[Typed], overrides: Sequence[str]) -> Typed:
    """What `composed` gives, as a dataclass `kind`. Raises ConfigError as `typed` does."""
    config = composed(path, overrides)
    return _explaining(path, lambda: _typed(config, kind))


Made = TypeVar("Made")


def _read(path: Path, make: Callable[[DictConfig], Made]) -> Made:
    """`make` of the keys and values in a file. Raises ConfigError."""
    if not path.is_file():
        raise ConfigError(path, "no file", "keys and values in YAML")

    def read() -> Made:
        given = OmegaConf.load(path)
        if not isinstance(given, DictConfig):
            raise ConfigError(path, "a list", "keys and values")
        return make(given)

    return _explaining(path, read)


def _typed(given: DictConfig | object, kind: type[Typed]) -> Typed:
    merged = OmegaConf.merge(_schema(cast(Any, kind)), given)
    OmegaConf.resolve(merged)
    made: Typed = OmegaConf.to_object(merged)  # type: ignore[assignment]
    return made


@cache
def _schema(kind: type[Any]) -> Any:
    """`kind` as OmegaConf knows it; to be copied, never changed."""
    return OmegaConf.structured(kind)


def _explaining(path: Path, make: Callable[[], Made]) -> Made:
    """`make`, with what it complains of as a ConfigError."""
    try:
        return make()
    except ConfigError:
        raise
    except OmegaConfBaseException as error:
        raise _explained(path, error) from None
    except UnicodeDecodeError:
        found = "bytes that are not UTF-8"
        raise ConfigError(line_not_utf8(path), found, "keys and values in YAML") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{mark.name}:{mark.line + 1}" if mark else path
        raise ConfigError(where, error.problem or "no YAML", "keys and values in YAML") from None
    except (OSError, ValueError) as error:
        raise ConfigError(path, str(error), "keys and values in YAML") from None
    except Exception as error:  # yaml's errors share no public base with the above
        found = f"{type(error).__name__}: {error}"
        raise ConfigError(path, found, "keys and values in YAML") from None


def _explained(path: Path, error: OmegaConfBaseException) -> ConfigError:
    """OmegaConf's complaint in one line, with the nearest valid key."""
    key = error.full_key or error.key
    found = str(error).splitlines()[0]
    if not key:
        return ConfigError(path, *found_and_expected(found))
    names = list(getattr(error.object_type, "__dataclass_fields__", {}))
    if "not in" in found and names:
        expected = nearest(str(key).split(".")[-1], names, "no key")
        return ConfigError(f"{path}: {key}", "an unknown key", expected)
    return ConfigError(f"{path}: {key}", *found_and_expected(found))
