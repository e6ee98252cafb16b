"""`joint ablate`: one recipe in several variants at one budget, and the table of their figures."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from joint.app.cli.options import AllowPackages
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
        int | None,
        typer.Option(
            "--jobs",
            metavar="N",
            min=1,
            help="Trainings at a time; on one machine they share the cores evenly. By default 1, "
            "on a cluster all of them.",
        ),
    ] = None,
    executor: Annotated[
        str,
        typer.Option(
            "--executor",
            metavar="processes|local|slurm",
            help="How trainings are run: as processes of this command, or, by submitit, as jobs of "
            "this machine or of a SLURM cluster, a job for each.",
        ),
    ] = "processes",
    slurm: Annotated[
        list[str] | None,
        typer.Option(
            "--slurm",
            metavar="KEY=VALUE",
            help="An option of the SLURM jobs, such as time=720 (minutes), partition=gpu, "
            "gpus_per_node=1, cpus_per_task=8 or mem=32GB; may be repeated.",
        ),
    ] = None,
    attempts: Annotated[
        int,
        typer.Option(
            "--attempts",
            metavar="N",
            min=1,
            help="Jobs that a run may take until it is given up: one that fails is submitted "
            "again. A preempted job is queued again and does not count.",
        ),
    ] = 2,
    submit_only: Annotated[
        bool,
        typer.Option(
            "--submit-only",
            help="Submit the jobs and return; the same command later says what became of them, "
            "submits failed ones again and gathers the table.",
        ),
    ] = False,
    allow_package: AllowPackages = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Name the runs that are not finished, with SLURM's script; train nothing.",
        ),
    ] = False,
) -> None:
    """Train every variant of a grid from every seed, evaluate each on a test set, write the table.

    DIR holds a corpus and `trials`. Where it has `mix2_extraction.csv` too, models that extract are
    evaluated on it; recognisers are on `mix2_recognition.csv` (in phones where they write phones,
    and then DIR must be aligned). Of models that are initialised with another's weights, the drift
    of the embeddings is measured. A finished run is not run again, and an interrupted one is
    resumed: the same command again completes the table, `table.md` in the grid's output, with
    `table.svg` and the page `report.html`. Another budget or test set asks for another `output`: a
    table does not mix them. A grid with a baseline has the relative change of the EER, with its
    95 % confidence interval from a bootstrap over speakers and seeds, and the number of seeds: with
    one the interval is of the speakers only, with three it is too narrow.

    Jobs of --executor outlive this command: started again, it follows those that run. Their output
    is in `jobs`, in the grid's output.

    Example: joint ablate recipes/speechocean762/grids/backbones.yaml --jobs 2
    """
    from joint.app.measuring.encoders import check_measures
    from joint.app.measuring.runs import TestSet, measure_on
    from joint.experiments.ablation import Grid
    from joint.experiments.executors import Execution
    from joint.experiments.finished import check_finished
    from joint.experiments.statistics import EerChanges
    from pretrained.names import named_checkpoint

    planned = Grid.load(grid, overrides or [], allow_package or [])
    options = (jobs, tuple(slurm or ()), attempts, submit_only)
    execution = Execution(executor, Path(planned.config.output), grid.stem, *options)
    waiting = [run for run in planned.runs(variant or []) if run.figures() is None]
    tested, phones = planned.test(data), planned.config.probe_layer is not None
    test = TestSet.load(tested, phones)
    if planned.config.measures is not None:
        check_measures(planned.config.measures)
    for run in planned.runs():
        check_finished(run, test.lists)
    for run in waiting:
        run.check_initial(named_checkpoint)
    if dry_run:
        for run in waiting:
            print(f"{run.variant}, seed {run.seed}: {run.folder}")
        print(execution.script(len(waiting)) or "", end="")
        return
    changes = EerChanges(test.corpus)
    changes.check([run for run in planned.runs() if run.figures() is not None])
    execute = execution.ready(waiting)
    for run in waiting:
        run.write_recipe()
    measure = partial(measure_on, data=tested, phones=phones)
    failed: list[JointError] = []
    for run, outcome in execute(measure):
        if isinstance(outcome, JointError):
            failed.append(outcome)
            print(f"{run.variant}, seed {run.seed}: failed: {outcome}")
            continue
        print(f"{run.variant}, seed {run.seed}: EER {outcome['eer_percent']:.2f} %")
        _write_table(planned, changes)
    print(_write_table(planned, changes), end="")
    _write_report(planned, tested, changes)
    if failed:
        raise failed[0]


def _write_report(grid: "Grid", test: str | Path, changes: "EerChanges") -> None:
    """The page of all finished runs, in the grid's output; no page where none is."""
    from analysis.report.ablation import write_ablation_report

    if any(run.figures() is not None for run in grid.runs()):
        path = Path(grid.config.output) / "report.html"
        write_ablation_report(path, grid, test, _further(grid, changes))


def _further(grid: "Grid", changes: "EerChanges") -> dict[str, dict[str, str]]:
    """The column of changes against a baseline, where the grid has one."""
    found = changes.between([run for run in grid.runs() if run.figures() is not None])
    return {"EER against baseline": found} if found else {}


def _write_table(grid: "Grid", changes: "EerChanges") -> str:
    """The table of all finished runs; it is also written into the grid's output, with a chart."""
    from analysis.comparison import plot_comparison
    from joint.experiments.tables import columns_of, comparison_table, measured_figures

    measured, output = measured_figures(grid), Path(grid.config.output)
    table = comparison_table("variant", columns_of(measured), measured, _further(grid, changes))
    atomic_write(output / "table.md", table)
    if measured:
        plot_comparison(measured, "eer_percent", "EER %", output / "table.svg")
    return table
