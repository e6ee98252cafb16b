"""What is wrong with a recipe, in plain words."""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any

from joint.errors import ConfigError, first_of

LISTED = 16
"""Names that a message lists where none is near."""

TYPES = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
NAMES = {"Integer": int, "Float": float, "Boolean": bool, "String": str}
NAMES |= {kind.__name__: kind for kind in TYPES}


def shown(value: Any) -> str:
    """`value` as a message shows it."""
    return "nothing" if value is None else repr(value)


def nearest(name: str, known: Sequence[str], nothing: str) -> str:
    """The name in `known` that is like `name`, else those there are; `nothing` where none is."""
    if near := get_close_matches(name, known, 1, 0.5):
        return f"{near[0]!r}, perhaps"
    return f"one of {first_of(sorted(known), LISTED)}" if known else nothing


def no_such_part(where: str, part: str, names: Iterable[str]) -> ConfigError:
    """The error of a key at `where` that names no `part` of the model, with the most similar of the
    `names` there are."""
    near = get_close_matches(part, list(names), 1, 0.0)[0]
    return ConfigError(where, "no such part", f"{near!r}, perhaps")


def found_and_expected(complaint: str) -> tuple[str, str]:
    """What was found and what was expected, from the first line of a complaint of OmegaConf's."""
    for pattern, found, expected in PATTERNS:
        if match := re.search(pattern, complaint):
            words = match.groupdict()
            if words.get("value") in ("None", "'None'"):
                words["value"] = "nothing"
            kind = NAMES.get(words.get("kind", ""))
            words["plain"] = TYPES[kind] if kind else "another value"
            return found.format(**words), expected.format(**words)
    return complaint, "a value of the right type"


PATTERNS = (
    (r"[Mm]issing mandatory value", "no value", "one"),
    (
        r"Value (?P<value>.*) of type .* could not be converted to (?P<kind>\w+)",
        "{value}",
        "{plain}",
    ),
    (r"Value (?P<value>.*) is not a valid (?P<kind>\w+)", "{value}", "{plain}"),
    (r"Incompatible value (?P<value>.*) for field of type '(?P<kind>\w+)'", "{value}", "{plain}"),
    (r"field '.*' is not Optional", "nothing", "keys and values"),
    (
        r"\w+ is not a subclass of (?P<config>\w+)\. value: (?P<value>.*)",
        "{value}",
        "the keys and values of a {config}",
    ),
    (r"is not a ListConfig, list or tuple", "a single value", "a list in brackets"),
    (r"Interpolation key '(?P<value>.*)' not found", "${{{value}}}", "a key that is there"),
    (r"Cannot convert '\w+' to string: '(?P<value>.*)'", "{value}", "a text"),
)
"""Patterns of OmegaConf's complaints, with what was found and what was expected."""
