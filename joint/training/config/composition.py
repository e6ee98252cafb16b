"""Recipes are composed: `defaults` names the blocks that a recipe is made of.

The defaults list is Hydra's (https://hydra.cc/docs/advanced/defaults_list): `- encoders@encoder:
campplus` puts the block `encoders/campplus.yaml` at the key `encoder`, `- verification` builds on
the recipe beside it, `- override …` exchanges a block that was chosen before. A recipe's own keys
replace those of its blocks, unless it places `_self_` elsewhere. Blocks are looked for in the
recipe's own folder, then among the packaged ones. Hydra's application, with its global state, is
not used.
"""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra import version
from hydra._internal.config_repository import ConfigRepository
from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra._internal.core_plugins.importlib_resources_config_source import (
    ImportlibResourcesConfigSource,
)
from hydra._internal.defaults_list import create_defaults_list
from hydra.core.default_element import ConfigDefault
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, MissingConfigException
from hydra.plugins.config_source import ConfigResult
from omegaconf import DictConfig, OmegaConf

from joint.errors import ConfigError
from joint.training.config.wording import nearest

PACKAGED = "recipes.common"
"""The package that holds the blocks of this project."""

RECIPE = "this recipe"
"""The name of the recipe itself among the blocks: no file can have it."""


def chooses_a_block(override: str) -> bool:
    """Whether an override chooses a block (`encoders@encoder=campplus`) instead of a value."""
    return "@" in override.partition("=")[0]


def compose(recipe: DictConfig, path: Path, choices: Sequence[str] = ()) -> DictConfig:
    """`recipe`, read from `path`, with the blocks of its defaults list; `choices` such as
    `encoders@encoder=campplus` exchange some of them.

    Raises ConfigError for a block that is not there, with the nearest name, and for a list or a
    choice that Hydra does not take.
    """
    if "defaults" not in recipe and not choices:
        return recipe
    if version.getbase() is version._UNSPECIFIED_:
        version.setbase("1.3")  # an application of Hydra's around this one has set its own
    blocks = Blocks(recipe, path.absolute().parent)
    try:
        overrides = [blocks.choice(text) for text in choices]
        order = create_defaults_list(blocks, RECIPE, overrides, False, False).defaults
        composed = OmegaConf.create()
        for default in order:
            loaded = blocks.load_config(str(default.config_path))
            assert loaded is not None
            composed.merge_with(nested(loaded.config, default.package or ""))
    except MissingConfigException as error:
        raise ConfigError(path, *_missing(error, blocks)) from None
    except RecursionError:
        raise ConfigError(path, "blocks that contain each other", "defaults that end") from None
    except (HydraException, ValueError) as error:
        raise ConfigError(path, _short(error), "blocks as in recipes/common") from None
    return composed


def nested(config: Any, key: str) -> DictConfig:
    """`config` under the dotted `key`; as it is without one."""
    if not key:
        return config
    outer = OmegaConf.create()
    OmegaConf.update(outer, key, config, merge=False, force_add=True)
    return outer


class Blocks(ConfigRepository):
    """Hydra's repository of blocks with one recipe, which has been read already, among them."""

    def __init__(self, recipe: DictConfig, folder: Path) -> None:
        self.recipe = recipe
        self.loaded: dict[str, ConfigResult | None] = {}
        self.sources = [
            FileConfigSource("recipe", str(folder)),
            ImportlibResourcesConfigSource("packaged", f"pkg://{PACKAGED}"),
        ]

    def config_exists(self, config_path: str) -> bool:
        """Whether there is such a block."""
        return config_path == RECIPE or super().config_exists(config_path)

    def load_config(self, config_path: str) -> ConfigResult | None:
        """A block, or the recipe itself, with its defaults list; each is read once."""
        if config_path not in self.loaded:
            self.loaded[config_path] = self._load(config_path)
        return self.loaded[config_path]

    def _load(self, config_path: str) -> ConfigResult | None:
        if config_path == RECIPE:
            own = copy.deepcopy(self.recipe)
            listed = self._extract_defaults_list(RECIPE, own)
            result = ConfigResult("recipe", RECIPE, own, {"package": ""})
            result.defaults_list = self._create_defaults_list(RECIPE, listed)
        else:
            found = super().load_config(config_path)
            if found is None:
                return None
            result = found
        defaults = result.defaults_list
        if defaults and not any(default.is_self() for default in defaults):
            # own keys come after blocks; Hydra wants `override` to stand last of all
            overridden = [i for i, default in enumerate(defaults) if default.is_override()]
            defaults.insert(min(overridden, default=len(defaults)), ConfigDefault(path="_self_"))
        return result

    def choice(self, text: str) -> Override:
        """A choice such as `encoders@encoder=campplus`, parsed. Raises ConfigError, also where
        there is no such kind of block, or no such block of the kind."""
        try:
            parsed = OverridesParser.create().parse_override(text)
        except HydraException:
            raise ConfigError(text, "no choice of a block", "blocks@key=name") from None
        group, name = parsed.key_or_group, parsed.value()
        if parsed.is_delete():
            return parsed
        if not self.group_exists(group):
            raise ConfigError(text, f"no blocks {group!r}", _nearest(group, self.groups()))
        if not (isinstance(name, str) and self.config_exists(f"{group}/{name}")):
            known = self.get_group_options(group)
            raise ConfigError(text, f"no block {name!r}", _nearest(str(name), known))
        return parsed

    def groups(self) -> list[str]:
        """Kinds of blocks that the packaged ones and the recipe's folder have."""
        found = self.get_group_options("", ObjectType.GROUP)
        return [group for group in found if self.get_group_options(group)]


def _missing(error: MissingConfigException, blocks: Blocks) -> tuple[str, str]:
    """What was found and what was expected, where a recipe names a block that is not there."""
    name = str(error.missing_cfg_file)
    group, _, block = name.rpartition("/")
    if group and not blocks.group_exists(group):
        return f"no block {name!r}", _nearest(group, blocks.groups())
    return f"no block {name!r}", _nearest(block, error.options or blocks.get_group_options(group))


def _nearest(name: str, known: Sequence[str]) -> str:
    return nearest(name, known, "a block in recipes/common or beside the recipe")


def _short(error: Exception) -> str:
    """The first two lines of Hydra's complaint, in one."""
    return " ".join(str(error).split("\n")[:2]).replace(f"In '{RECIPE}': ", "").strip()
