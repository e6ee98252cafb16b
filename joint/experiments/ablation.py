"""Grids: one recipe trained in several ways, each from several seeds, all at one budget."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from joint.errors import ConfigError
from joint.files import atomic_write
from joint.training.config import keys_of, load_config, typed

FIGURES = "figures.json"


@dataclass
class ThenConfig:
    """What is trained afterwards on the encoders of `arms`: another recipe with `keys`."""

    recipe: str = "???"
    arms: list[str] = field(default_factory=list)
    keys: dict[str, Any] = field(default_factory=dict)


@dataclass
class GridConfig:
    """`recipe` lies beside the grid's file; `test` is the folder that its runs are measured on,
    unless the command line names one. `common` keys are for all arms; those of an arm come on top.
    They are a recipe's full keys (`encoder.backbone`); a value replaces what was there.

    With `across`, whose entries are keys too, every arm is run with each of them, and is called
    `ENTRY ARM`. Changes are measured against the arm `baseline` of the same entry. `probe` names
    the layer whose phones are probed. `then` trains a second recipe that begins with the encoder of
    an arm, such as an extractor on it; its figures stand in the same row.
    """

    recipe: str = "???"
    output: str = "???"
    test: str | None = None
    seeds: list[int] = field(default_factory=lambda: [1])
    common: dict[str, Any] = field(default_factory=dict)
    across: dict[str, Any] = field(default_factory=dict)
    arms: dict[str, Any] = field(default_factory=dict)
    baseline: str | None = None
    probe: str | None = None
    then: ThenConfig | None = None


@dataclass(frozen=True)
class Run:
    """One training of a grid: the recipe of `arm` at `seed`, and the folder of all it writes.

    `baseline` is the arm that it is compared with, `probe` the layer to look into, `then` what is
    trained on its encoder afterwards; None for none.
    """

    arm: str
    seed: int
    folder: Path
    config: DictConfig
    baseline: str | None = None
    probe: str | None = None
    then: "Run | None" = None

    @property
    def recipe(self) -> Path:
        """What `write_recipe` writes: `joint train` takes it as it takes any other."""
        return self.folder / "recipe.yaml"

    @property
    def scores(self) -> Path:
        """The scores of the test's trials."""
        return self.folder / "scores.csv"

    @property
    def begun(self) -> bool:
        """Whether there is a training to go on with."""
        return (self.folder / "checkpoints").is_dir()

    def write_recipe(self) -> None:
        """Write the arm's own recipe. Raises ConfigError where it is none, or where the run was
        begun with another."""
        text = OmegaConf.to_yaml(self.config)
        if self.begun and self.recipe.is_file() and self.recipe.read_text() != text:
            raise ConfigError(self.folder, "a training of another recipe", "this grid's own")
        atomic_write(self.recipe, text)
        load_config(self.recipe)
        if self.then is not None:
            self.then.write_recipe()

    def check_starts(self, made: Path | None = None) -> None:
        """Raises ConfigError where a checkpoint that it starts from is not there and is not the one
        `made` by then: hours may lie before it is asked for."""
        grafts = (self.config.get("grafts") or {}).values()
        for start in (*(self.config.get("init") or ()), *(graft.checkpoint for graft in grafts)):
            if Path(start) != made and not Path(start).is_file():
                raise ConfigError(f"{self.arm}: {start}", "no file", "a checkpoint to start from")
        if self.then is not None:
            self.then.check_starts(self.folder / "model.safetensors")

    def figures(self) -> dict[str, float | None] | None:
        """What the finished run was measured at; None before."""
        path = self.folder / FIGURES
        if not path.is_file():
            return None
        found: dict[str, float | None] = json.loads(path.read_text())
        return found

    def keep(self, figures: Mapping[str, Any]) -> None:
        """Write the figures: the run is finished."""
        atomic_write(self.folder / FIGURES, json.dumps(figures, indent=2) + "\n")


@dataclass(frozen=True)
class Grid:
    """A grid's runs, planned."""

    path: Path
    config: GridConfig
    overrides: DictConfig

    @classmethod
    def load(cls, path: Path, overrides: Sequence[str] = ()) -> "Grid":
        """Read a grid; `overrides` (`key=value`) of the recipe replace what is `common`, not what
        makes an arm; `output` and `seeds` are the grid's own.

        Raises ConfigError for a missing or malformed file, an unknown key, no arm.
        """
        own = [given for given in overrides if given.partition("=")[0] in ("output", "seeds")]
        config = typed(path, GridConfig, own)
        if not config.arms or not config.seeds:
            raise ConfigError(path, "nothing to run", "an arm and a seed at least")
        if unfit := [name for name in (*config.arms, *config.across) if "/" in name]:
            raise ConfigError(f"{path}: arms", unfit[0], "names that folders can have")
        for name in config.then.arms if config.then else ():
            if name not in config.arms:
                raise ConfigError(f"{path}: then.arms", name, " or ".join(config.arms))
        if config.baseline is not None and config.baseline not in config.arms:
            raise ConfigError(f"{path}: baseline", config.baseline, " or ".join(config.arms))
        return cls(path, config, keys_of([given for given in overrides if given not in own]))

    def test(self, named: Path | None = None) -> Path:
        """The folder that runs are measured on: `named`, or the grid's own. Raises ConfigError."""
        folder = named or (self.config.test and Path(self.config.test))
        if not folder:
            raise ConfigError(f"{self.path}: test", "nothing", "a test set, or --data")
        return folder

    def runs(self, arms: Sequence[str] = ()) -> list[Run]:
        """The runs of the named arms, or of all, seed by seed. Raises ConfigError."""
        for name in arms:
            if name not in self.config.arms:
                raise ConfigError(f"{self.path}: arms", name, " or ".join(self.config.arms))
        return [
            self._run(entry, name, seed)
            for seed in self.config.seeds
            for entry in self.config.across or [""]
            for name in arms or list(self.config.arms)
        ]

    def _run(self, entry: str, name: str, seed: int) -> Run:
        keys = {**(self.config.arms[name] or {}), **(self.config.across.get(entry) or {})}
        baseline = self.config.baseline and f"{entry} {self.config.baseline}".strip()
        arm = f"{entry} {name}".strip()
        folder = Path(self.config.output) / arm / f"seed{seed}"
        config = self._recipe(self.config.recipe, self.config.common, keys)
        config = replaced(config, {"seed": seed, "name": arm, "output": str(folder)})
        then = None
        if self.config.then is not None and name in self.config.then.arms:
            own = {
                "encoder": config.encoder,
                "init": [str(folder / "model.safetensors")],
                "seed": seed,
                "output": str(folder / "then"),
            }
            after = self._recipe(self.config.then.recipe, self.config.then.keys, own)
            then = Run(arm, seed, folder / "then", after)
        return Run(arm, seed, folder, config, baseline, self.config.probe, then)

    def _recipe(self, name: str, common: Mapping[str, Any], keys: Mapping[str, Any]) -> DictConfig:
        """A recipe with common keys, then what the command line says, then an arm's keys."""
        path = self.path.parent / name
        if not path.is_file():
            raise ConfigError(f"{self.path}: recipe: {path}", "no file", "a recipe in YAML")
        config = replaced(OmegaConf.load(path), common)
        config = replaced(OmegaConf.merge(config, self.overrides), keys)
        assert isinstance(config, DictConfig)
        return config


def replaced(config: Any, keys: Mapping[str, Any]) -> Any:
    """`config` with the values of `keys` in place of what was there."""
    for key, value in keys.items():
        OmegaConf.update(config, str(key), value, merge=False, force_add=True)
    return config
