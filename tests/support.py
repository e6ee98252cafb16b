"""Names that tests and fixtures share."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omegaconf import DictConfig

ROOT = Path(__file__).parents[1]
COMMON = ROOT / "recipes" / "common"
"""The blocks that recipes share."""
YAMLS = [path for path in sorted((ROOT / "recipes").rglob("*.yaml")) if COMMON not in path.parents]
GRIDS = [path for path in YAMLS if "\nvariants:\n" in path.read_text(encoding="utf-8")]
PRETRAINED = [path for path in YAMLS if path.parent.name == "pretrained"]
"""Recipes whose encoders begin with weights from elsewhere."""
BASES = [ROOT / "recipes" / "matrix" / "tasks.yaml"]
"""Recipes without streams, which the variants of grids add."""
RECIPES = [path for path in YAMLS if path not in [*GRIDS, *PRETRAINED, *BASES]]
TINY = Path(__file__).with_name("tiny.yaml")


@dataclass(frozen=True)
class Outcome:
    """What a command did: exit code, standard output, lines of standard error."""

    code: int
    out: str
    err: list[str]


Command = Callable[..., Outcome]
"""`joint ARGUMENTS` in this process."""

Refused = Callable[..., str]
"""The same for a command that must be refused: exit 2 and one line, which it gives."""


@cache
def blocks_composed(recipe: Path) -> "DictConfig":
    """A recipe with its blocks, which several tests read and none may change."""
    from joint.training.config.reading import composed

    return composed(recipe)


def short(recipe: Path, train: Path, validation: Path, output: Path) -> list[str]:
    """Overrides that leave the model as it is and make everything else small."""
    from omegaconf import OmegaConf

    config = blocks_composed(recipe)
    whole = "CtcPhones" in str(config.tasks)  # learns from whole utterances
    overrides = [
        f"output={output}",
        f"data.train={train}",
        f"data.validation={validation}",
        "data.cache=null",
        "init=[]",
        "trainer.max_steps=2",
        "trainer.max_minutes=null",
        "trainer.workers=0",
    ]
    scenes = [f"streams.{name}" for name in config.streams]
    extracts = "validation" in config and list(config.validation.tasks) == ["extraction"]
    judged = 2 if extracts else 12  # of some tasks, figures need several speakers
    # each is a validation again, of the same extractor
    overrides += ["trainer.examples=0"] if extracts else []
    for place in [*scenes, *(["validation"] if "validation" in config else [])]:
        # extractors of the published sizes: their time is that of the samples, of every enrolment
        overrides += [f"{place}.scenes.chunk={0.2 if extracts else 0.6}"]
        overrides += [f"{place}.scenes.enrollments=1"] if extracts else []
        overrides += [f"{place}.scenes.enrollment={6.0 if whole else 0.6}"]
        overrides += [f"{place}.batch_size={judged if place == 'validation' else 2}"]
        if OmegaConf.select(config, f"{place}.corpora"):  # there is one, unnamed
            overrides.append(f"{place}.corpora=null")
    return overrides + (["validation.batches=1"] if "validation" in config else [])
