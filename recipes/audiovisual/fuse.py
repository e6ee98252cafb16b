"""Trains the fusions of voice and face on `train` and compares them on `test`.

    python -m recipes.audiovisual.fuse exp/audiovisual exp/audiovisual.md [--split validation]

The folder is what recipes.audiovisual.embed wrote. Score fusion, attention and gates are fitted on
the people of `train`, clean and corrupted; voice and face alone are cosines. The first side of
every trial is clean, and the second as the row says; nobody of `train` is in it. Choose by the rows
of `--split validation`.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.random import default_rng

from joint.errors import DataError
from joint.experiments.tables import comparison_table
from joint.files import atomic_write, write_json
from joint.metrics.detection import error_rates
from joint.seeding import seed_for, seeded
from joint.terminal import errors_in_one_line
from recipes.audiovisual.embed import (
    BLUR,
    CLEAN,
    DRAWN,
    NOISE,
    OCCLUSION,
    Arrays,
    items_of,
    read_split,
)
from recipes.speechocean762.studies.command import study_parser
from tasks.audiovisual.fusion.embeddings import EmbeddingFusion
from tasks.audiovisual.fusion.networks import AttentionFusion, FusionNetwork, GatedFusion
from tasks.audiovisual.fusion.scores import ScoreFusion, Unimodal
from tasks.audiovisual.fusion.training import FusionTraining, train_fusion
from tasks.audiovisual.items import Items, stacked
from tasks.verification.trials import Trials

Score = Callable[[Items, np.ndarray, np.ndarray], np.ndarray]

NETWORKS: Mapping[str, type[FusionNetwork]] = {"attention": AttentionFusion, "gates": GatedFusion}
MIXED = "every trial one of these"
HALF = 0.5
"""Of the trials' second sides that lack a modality in two of the rows."""


class Part:
    """The items and trials of a split."""

    def __init__(self, folder: Path) -> None:
        self.arrays: Arrays = read_split(folder)
        trials = Trials.load(folder / "trials")
        rows = {str(name): row for row, name in enumerate(self.arrays["names"])}
        if not trials.present(rows).all():
            raise DataError(folder / "trials", "items without embeddings", "those of items.npz")
        self.first, self.second = trials.positions(rows)
        self.labels = trials.labels

    def under(self, conditions: Sequence[tuple[str, str]], seed: int) -> tuple[Items, np.ndarray]:
        """Clean items, and behind them those under each of `conditions`, of voice and face; the row
        of every trial's second side under one that is drawn for it."""
        made = [items_of(self.arrays), *(items_of(self.arrays, *each) for each in conditions)]
        drawn = default_rng(seed).integers(1, len(made), len(self.second))
        return stacked(made), self.second + drawn * len(self.arrays["names"])


def fitted(part: Part, choices: FusionTraining, seed: int) -> dict[str, Score]:
    """The fusions of the table, fitted on the people of one split."""
    both = [(voice, face) for voice in (CLEAN, DRAWN) for face in (CLEAN, DRAWN)]
    items, second = part.under(both, seed_for(seed, "trials"))
    trials = (items, part.first, second, part.labels)
    voice = Unimodal.fit(items.voice.without_quality(), *trials[1:])
    face = Unimodal.fit(items.face.without_quality(), *trials[1:])
    found: dict[str, Score] = {
        "voice alone": lambda i, *rows: voice(i.voice.without_quality(), *rows),
        "face alone": lambda i, *rows: face(i.face.without_quality(), *rows),
        "score fusion": ScoreFusion.fit(*trials),
    }
    versions = [items_of(part.arrays), items_of(part.arrays, DRAWN, DRAWN)]
    read = (items.voice.embeddings, items.face.embeddings, items.quality)
    sizes = [rows.shape[1] for rows in read]
    for name, kind in NETWORKS.items():
        with seeded(seed, name):
            network = kind(*sizes)
            train_fusion(network, versions, choices, seed)
        found[name] = EmbeddingFusion.fit(network.eval(), *trials)
    return found


def compare(part: Part, systems: Mapping[str, Score], seed: int) -> dict[str, dict[str, float]]:
    """EER in percent of every system, by condition."""
    conditions = {
        "clean": [(CLEAN, CLEAN)],
        f"voice in {NOISE.replace(' ', ' at ', 1)}": [(NOISE, CLEAN)],
        "face blurred": [(CLEAN, BLUR)],
        "face occluded": [(CLEAN, OCCLUSION)],
        "noise and blur": [(NOISE, BLUR)],
        MIXED: [(voice, face) for voice in (CLEAN, NOISE) for face in (CLEAN, BLUR, OCCLUSION)],
    }
    found = {}
    for name, each in conditions.items():
        items, second = part.under(each, seed_for(seed, "conditions"))
        found[name] = _errors(part, systems, items, second)
    items, second = part.under([(CLEAN, CLEAN)], seed)
    gone = default_rng(seed_for(seed, "missing")).random(len(items.person)) < HALF
    gone[: len(part.arrays["names"])] = False  # the first side has both
    less = {
        "face missing in half": Items(items.voice, items.face.without(gone), items.person),
        "voice missing in half": Items(items.voice.without(gone), items.face, items.person),
    }
    return found | {name: _errors(part, systems, each, second) for name, each in less.items()}


def _errors(
    part: Part, systems: Mapping[str, Score], items: Items, second: np.ndarray
) -> dict[str, float]:
    return {
        name: error_rates(score(items, part.first, second), part.labels).eer().percent
        for name, score in systems.items()
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = study_parser(__doc__)
    parser.add_argument("folder", type=Path, help="what recipes.audiovisual.embed wrote")
    parser.add_argument("output", type=Path, help="a Markdown file to write; JSON lies beside it")
    parser.add_argument("--split", choices=("validation", "test"), default="test")
    parser.add_argument("--steps", type=int, default=FusionTraining.steps)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    if given.steps < 1:
        raise DataError("--steps", str(given.steps), "1 or more")
    choices = FusionTraining(steps=given.steps)
    systems = fitted(Part(given.folder / "train"), choices, given.seed)
    found = compare(Part(given.folder / given.split), systems, given.seed)
    columns = {name: f"{name}, EER %" for name in systems}
    table = comparison_table("second side", columns, {name: [row] for name, row in found.items()})
    write_json(given.output.with_suffix(".json"), found)
    atomic_write(given.output, table)
    print(table)


if __name__ == "__main__":
    with errors_in_one_line():
        main()
