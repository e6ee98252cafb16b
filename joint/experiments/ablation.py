"""Grids: one recipe in several variants, each trained from several seeds, all at one budget."""

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from joint.errors import ConfigError
from joint.experiments.measures import MeasuresConfig
from joint.experiments.speech import SpeechConfig
from joint.files import atomic_write, write_json
from joint.training.building.initialisation import FINAL, Find, located
from joint.training.config.composition import chooses_a_block
from joint.training.config.reading import composed, keys_of, typed
from joint.training.config.schema import RecipeConfig, load_config

FIGURES, TEST = "figures.json", "test.json"
OWN = ("output=", "seeds=", "speech=", "speech.", "measures=", "measures.")
"""How overrides begin that are the grid's and not the recipe's."""


@dataclass
class DownstreamConfig:
    """A second training with the encoders of `variants`: another recipe, with `overrides`."""

    recipe: str = "???"
    variants: list[str] = field(default_factory=list)
    overrides: dict[str, Any] = field(default_factory=dict)


@dataclass
class GridConfig:
    """`recipe` lies beside the grid's file; `test` is the folder that its runs are evaluated on,
    unless the command line names one. `common` overrides hold for all variants; those of a variant
    come on top. They are a recipe's full keys (`encoder.backbone`), whose values replace what was
    there, and choices of blocks (`encoders@encoder`).

    With `crossed_with`, whose entries are overrides too, every variant is run with each of them,
    and is called `ENTRY VARIANT`. Changes are measured against the variant `baseline` of the same
    entry. `probe_layer` names the layer whose phones are probed. `downstream` trains a second
    recipe that is initialised with the encoder of a variant, such as an extractor on it; its
    figures stand in the same row. `speech` says how runs that synthesize or convert are evaluated,
    `measures` what else is measured of a run's encoder.
    """

    recipe: str = "???"
    output: str = "???"
    test: str | None = None
    seeds: list[int] = field(default_factory=lambda: [1])
    common: dict[str, Any] = field(default_factory=dict)
    crossed_with: dict[str, Any] = field(default_factory=dict)
    variants: dict[str, Any] = field(default_factory=dict)
    baseline: str | None = None
    probe_layer: str | None = None
    downstream: DownstreamConfig | None = None
    speech: SpeechConfig | None = None
    measures: MeasuresConfig | None = None


@dataclass(frozen=True)
class Run:
    """One training of a grid: the recipe of `variant` with `seed`, and the folder of all it writes.

    `baseline` is the variant that it is compared with, `probe_layer` the layer whose phones are
    probed, `downstream` the second training with its encoder, `speech` how synthesis and conversion
    are evaluated, `measures` what else is measured; None for none. Its recipe may name classes of
    `packages` besides those of this project.
    """

    variant: str
    seed: int
    folder: Path
    config: DictConfig
    baseline: str | None = None
    probe_layer: str | None = None
    downstream: "Run | None" = None
    speech: SpeechConfig | None = None
    measures: MeasuresConfig | None = None
    packages: tuple[str, ...] = ()

    @property
    def shared(self) -> Path:
        """Where figures lie that other runs of the grid read."""
        return self.folder.parents[1] / "measured"

    @property
    def recipe(self) -> Path:
        """What `write_recipe` writes: `joint train` takes it as it takes any other."""
        return self.folder / "recipe.yaml"

    @property
    def scores(self) -> Path:
        """The scores of the test's trials."""
        return self.folder / "scores.csv"

    @property
    def started(self) -> bool:
        """Whether there is a training to resume."""
        return (self.folder / "checkpoints").is_dir()

    @property
    def first_encoder(self) -> str | None:
        """The checkpoint that the encoder is initialised from; None where it is new."""
        whole, parts = self.config.get("init") or (), self.config.get("init_parts") or {}
        found: str | None = parts["encoder"].checkpoint if "encoder" in parts else None
        return found or next(iter(whole), None)

    def write_recipe(self) -> RecipeConfig:
        """Write the variant's own recipe, with all its blocks; gives it as `joint train` reads it.
        Raises ConfigError where it cannot be built, or where the run was started with another."""
        text = OmegaConf.to_yaml(self.config)
        if self.started and self.recipe.is_file() and self.recipe.read_text() != text:
            raise ConfigError(self.folder, "a training of another recipe", "this grid's own")
        atomic_write(self.recipe, text)
        config = load_config(self.recipe, (), self.packages)
        if self.downstream is not None:
            self.downstream.write_recipe()
        return config

    def check_initial(self, find: Find | None = None, made: Path | None = None) -> None:
        """Raises CheckpointError where a checkpoint that it is initialised from is missing; `made`
        will exist by then. Otherwise it would be noticed hours later."""
        parts = (self.config.get("init_parts") or {}).values()
        for name in (*(self.config.get("init") or ()), *(part.checkpoint for part in parts)):
            if Path(name) != made:
                located(name, Path(), find)
        if self.downstream is not None:
            self.downstream.check_initial(find, self.folder / FINAL)

    def figures(self) -> dict[str, float | None] | None:
        """The figures of a finished run; None before."""
        path = self.folder / FIGURES
        if not path.is_file():
            return None
        found: dict[str, float | None] = json.loads(path.read_text())
        return found

    def write_figures(
        self, figures: Mapping[str, Any], test: Mapping[str, str] | None = None
    ) -> None:
        """Write the figures: the run is finished. `test` says what they are measured on; see
        joint.experiments.finished."""
        if test is not None:
            write_json(self.folder / TEST, test)
        atomic_write(self.folder / FIGURES, json.dumps(figures, indent=2) + "\n")


@dataclass(frozen=True)
class Grid:
    """A grid's runs, planned. `compositions` are recipes with blocks, by the choices of them."""

    path: Path
    config: GridConfig
    overrides: tuple[str, ...]
    packages: tuple[str, ...] = ()
    compositions: dict[tuple, DictConfig] = field(default_factory=dict)

    @classmethod
    def load(
        cls, path: Path, overrides: Sequence[str] = (), packages: Sequence[str] = ()
    ) -> "Grid":
        """Read a grid; `overrides` (`key=value`) of the recipe replace what is `common`, not what
        makes a variant; `output`, `seeds`, `speech` and `measures` are the grid's own
        (`speech=null`: none is evaluated). `packages`: see Run.

        Raises ConfigError for a missing or malformed file, an unknown key, no variant.
        """
        own = [given for given in overrides if given.startswith(OWN)]
        config = typed(path, GridConfig, own)
        variants = config.variants
        if not variants or not config.seeds:
            raise ConfigError(path, "nothing to run", "a variant and a seed at least")
        if unfit := [name for name in (*variants, *config.crossed_with) if "/" in name]:
            raise ConfigError(f"{path}: variants", unfit[0], "names that folders can have")
        for name in config.downstream.variants if config.downstream else ():
            if name not in variants:
                raise ConfigError(f"{path}: downstream.variants", name, " or ".join(variants))
        if config.baseline is not None and config.baseline not in variants:
            raise ConfigError(f"{path}: baseline", config.baseline, " or ".join(variants))
        others = tuple(given for given in overrides if given not in own)
        return cls(path, config, others, tuple(packages))

    def test(self, named: Path | None = None) -> Path:
        """The folder that runs are evaluated on. Raises ConfigError where there is none."""
        folder = named or (self.config.test and Path(self.config.test))
        if not folder:
            raise ConfigError(f"{self.path}: test", "nothing", "a test set, or --data")
        return folder

    def runs(self, variants: Sequence[str] = ()) -> list[Run]:
        """The runs of the named variants, or of all, seed by seed. Raises ConfigError."""
        for name in variants:
            if name not in self.config.variants:
                known = " or ".join(self.config.variants)
                raise ConfigError(f"{self.path}: variants", name, known)
        return [
            self._run(entry, name, seed)
            for seed in self.config.seeds
            for entry in self.config.crossed_with or [""]
            for name in variants or list(self.config.variants)
        ]

    def _run(self, entry: str, name: str, seed: int) -> Run:
        own = {**(self.config.variants[name] or {}), **(self.config.crossed_with.get(entry) or {})}
        baseline = self.config.baseline and f"{entry} {self.config.baseline}".strip()
        variant = f"{entry} {name}".strip()
        folder = Path(self.config.output) / variant / f"seed{seed}"
        config = self._recipe(self.config.recipe, self.config.common, own)
        config = replaced(config, {"seed": seed, "name": variant, "output": str(folder)})
        downstream = self.config.downstream
        later = None
        if downstream is not None and name in downstream.variants:
            own = {
                "encoder": config.encoder,
                "init": [str(folder / FINAL)],
                "seed": seed,
                "output": str(folder / "downstream"),
            }
            after = self._recipe(downstream.recipe, downstream.overrides, own)
            later = Run(variant, seed, folder / "downstream", after, packages=self.packages)
        layer, measured = self.config.probe_layer, (self.config.speech, self.config.measures)
        return Run(variant, seed, folder, config, baseline, layer, later, *measured, self.packages)

    def _recipe(self, name: str, common: Mapping[str, Any], own: Mapping[str, Any]) -> DictConfig:
        """A recipe with common overrides, then those of the command line, then a variant's own."""
        path = self.path.parent / name
        if not path.is_file():
            raise ConfigError(f"{self.path}: recipe: {path}", "no file", "a recipe in YAML")
        given = dict(override.partition("=")[::2] for override in self.overrides)
        layers = (common, given, own)
        chosen = {k: v for keys in layers for k, v in keys.items() if chooses_a_block(k)}
        # without a value: `~group@key` takes a block out
        choices = [f"{key}={value}" if value else key for key, value in chosen.items()]
        if (key := (path, *choices)) not in self.compositions:
            self.compositions[key] = composed(path, choices)
        config = replaced(copy.deepcopy(self.compositions[key]), values_of(common))
        values = keys_of([given for given in self.overrides if not chooses_a_block(given)])
        config = replaced(OmegaConf.merge(config, values), values_of(own))
        return anchored(config, path.parent)


def anchored(config: DictConfig, folder: Path) -> DictConfig:
    """`config` with the checkpoints that lie in its recipe's `folder` by their whole paths: a run
    writes its recipe into another folder."""

    def whole(name: str) -> str:
        return str((folder / name).absolute()) if (folder / name).exists() else name

    if config.get("init"):
        config.init = [whole(name) for name in config.init]
    for part in (config.get("init_parts") or {}).values():
        part.checkpoint = whole(part.checkpoint)
    return config


def values_of(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Those of `overrides` that give a value; the others choose a block."""
    return {str(k): v for k, v in overrides.items() if not chooses_a_block(str(k))}


def replaced(config: Any, values: Mapping[str, Any]) -> DictConfig:
    """`config` with `values` in place of what was at their keys."""
    for key, value in values.items():
        OmegaConf.update(config, key, value, merge=False, force_add=True)
    assert isinstance(config, DictConfig)
    return config
