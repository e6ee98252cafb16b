"""YAML with HyperPyYAML's tags, read as plain data: nothing that it names is imported or run."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from joint.errors import CheckpointError

NEW, NAME, REFERENCE = "new:", "name:", "ref"


@dataclass(frozen=True)
class Tagged:
    """A value with a tag: of `!new:torch.nn.Linear {in_features: 3}` the tag is
    `new:torch.nn.Linear` and the value a mapping."""

    tag: str
    value: Any


class Loader(yaml.SafeLoader):
    """Every tag of the file's own makes a `Tagged`; Python's are refused, as safe loading does."""


def tagged(loader: Loader, tag: str, node: yaml.Node) -> Tagged:
    """What PyYAML calls for a tag."""
    if isinstance(node, yaml.MappingNode):
        return Tagged(tag, loader.construct_mapping(node, deep=True))
    if isinstance(node, yaml.SequenceNode):
        return Tagged(tag, loader.construct_sequence(node, deep=True))
    return Tagged(tag, loader.construct_scalar(node))


Loader.add_multi_constructor("!", tagged)


def read(path: Path) -> dict[str, Any]:
    """The mapping that a file holds, references to its top level resolved; others and expressions
    stay `Tagged`. Raises CheckpointError."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader)
        if isinstance(content, dict):
            return {key: resolved(value, content) for key, value in content.items()}
        found = type(content).__name__
    except OSError as error:
        found = error.strerror or str(error)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        found = " ".join(str(error).split())
    raise CheckpointError(path, found, "a mapping in YAML")


def resolved(value: Any, root: dict[str, Any]) -> Any:
    """`value` with what its references `<key>` stand for. Raises RecursionError for a circle."""
    if isinstance(value, dict):
        return {key: resolved(item, root) for key, item in value.items()}
    if isinstance(value, list):
        return [resolved(item, root) for item in value]
    if not isinstance(value, Tagged):
        return value
    if value.tag == REFERENCE:
        match = re.fullmatch(r"<(\w+)>", str(value.value).strip())
        if match is not None and match[1] in root:
            return resolved(root[match[1]], root)
    return Tagged(value.tag, resolved(value.value, root))
