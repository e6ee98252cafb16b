"""`joint ablate`: one recipe in several variants at one budget, and the table of their figures."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from joint.errors import JointError
from joint.files import atomic_write

if TYPE_CHECKING:
    from joint.experiments.ablation import Grid
    from joint.experiments.statistics import EerChanges


def ablate(
    grid: Annotated[
        Path, typer.Argument(metavar="GRID", help="A YAML file, such as those in recipes/*/grids.")
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="key=value",
            help="Keys of the recipe for all variants; `output` and `seeds` are the grid's.",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="The test set, where not the grid's `test`."),
    ] = None,
    variant: Annotated[
        list[str] | None,
        typer.Option("--variant", metavar="VARIANT", help="Only this variant; may be repeated."),
    ] = None,
    jobs: Annotated[
        int,
        typer.Option(
            "--jobs", metavar="N", min=1, help="Trainings at a time; they share the cores evenly."
        ),
    ] = 1,
) -> None:
    """Train every variant of a grid from every seed, evaluate each on a test set, write the table.

    DIR holds a corpus and `trials`. Where it has `mix2_extraction.csv` too, models that extract are
    evaluated on it; recognisers are on `mix2_recognition.csv` (in phones where they write phones,
    and then DIR must be aligned). Of models that are initialised with another's weights, the drift
    of the embeddings is measured. A finished run is not run again, and an interrupted one is
    resumed: the same command again completes the table, `table.md` in the grid's output, with
    `table.svg`. A grid with a baseline has the relative change of the EER, with its 95 % confidence
    interval from a bootstrap over speakers and seeds.

    Example: joint ablate recipes/speechocean762/grids/backbones.yaml --jobs 2
    """
    from joint.app.checkpoints import named_checkpoint
    from joint.app.measuring.runs import TestSet, measure
    from joint.experiments.ablation import Grid
    from joint.experiments.parallel import in_parallel
    from joint.experiments.statistics import EerChanges

    planned = Grid.load(grid, overrides or [])
    waiting = [run for run in planned.runs(variant or []) if run.figures() is None]
    test = TestSet.load(planned.test(data), phones=planned.config.probe_layer is not None)
    for run in waiting:
        run.check_initial(named_checkpoint)
    for run in waiting:
        run.write_recipe()
    changes = EerChanges(test.corpus)
    failed: list[JointError] = []
    for run, outcome in in_parallel(waiting, partial(measure, test=test), jobs):
        if isinstance(outcome, JointError):
            failed.append(outcome)
            print(f"{run.variant}, seed {run.seed}: failed")
            continue
        print(f"{run.variant}, seed {run.seed}: EER {outcome['eer_percent']:.2f} %")
        _write_table(planned, changes)
    print(_write_table(planned, changes), end="")
    if failed:
        raise failed[0]


def _write_table(grid: "Grid", changes: "EerChanges") -> str:
    """The table of all finished runs; it is also written into the grid's output, with a chart."""
    from analysis.comparison import plot_comparison
    from joint.experiments.tables import COLUMNS, comparison_table, measured_figures

    measured, output = measured_figures(grid), Path(grid.config.output)
    found = changes.between([run for run in grid.runs() if run.figures() is not None])
    further = {"EER against baseline": found} if found else {}
    table = comparison_table("variant", COLUMNS, measured, further)
    atomic_write(output / "table.md", table)
    if measured:
        plot_comparison(measured, "eer_percent", "EER %", output / "table.svg")
    return table
