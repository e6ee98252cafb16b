"""`joint ablate`: one recipe in several variants at one budget, and the table of their figures."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from joint.errors import JointError
from joint.files import atomic_write

if TYPE_CHECKING:
    from joint.app.measuring import Changes
    from joint.experiments.ablation import Grid

COLUMNS = {
    "eer_percent": "EER %",
    "min_dcf_p01": "minDCF 0.01",
    "min_dcf_p05": "minDCF 0.05",
    "phone_head_percent": "phones of frames %",
    "phone_probe_percent": "probed there %",
    "embedding_phones_percent": "phones in embedding % (chance 50)",
    "error_percent": "cp error %",
    "error_substitutions_percent": "substituted",
    "error_deletions_percent": "deleted",
    "error_insertions_percent": "inserted",
    "person_error_percent": "own error %",
    "foreign_share": "foreign",
    "silent_share": "silent for nobody",
    "si_sdr_improvement_db": "SI-SDRi dB",
    "wrong_speaker_share": "wrong speaker",
    "cosine_drift": "cosine drift",
    "encoder_million_parameters": "M parameters",
    "thousand_scenes_trained": "1000 scenes seen",
    "embeddings_per_second": "embeddings/s",
}


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

    DIR holds Kaldi tables and `trials`; where it has `mix2_extraction.csv` too, models that
    extract are measured on it, recognisers on `mix2_recognition.csv` (in phones where they write
    phones, and then DIR must be aligned), and models that began with another's weights at how far
    their embeddings moved. A run that has its figures is not run again and a killed one goes on
    where it was: the same command again finishes the table, which is kept as `table.md` in the
    grid's output, with `table.svg`. A grid with a baseline has the relative change of the EER, with
    the bounds between which 95 % of a bootstrap over speakers and seeds lie.

    Example: joint ablate recipes/speechocean762/grids/backbones.yaml --jobs 2
    """
    from joint.app.checkpoints import named_checkpoint
    from joint.app.measuring import Changes, TestSet, side_by_side
    from joint.experiments.ablation import Grid

    planned = Grid.load(grid, overrides or [])
    waiting = [run for run in planned.runs(variant or []) if run.figures() is None]
    test = TestSet.load(planned.test(data), phones=planned.config.probe_layer is not None)
    for run in waiting:
        run.check_initial(named_checkpoint)
    for run in waiting:
        run.write_recipe()
    changes = Changes(test.corpus)
    failed: list[JointError] = []
    for run, outcome in side_by_side(waiting, test, jobs):
        if isinstance(outcome, JointError):
            failed.append(outcome)
            print(f"{run.variant}, seed {run.seed}: failed")
            continue
        print(f"{run.variant}, seed {run.seed}: EER {outcome['eer_percent']:.2f} %")
        _write_table(planned, changes)
    print(_write_table(planned, changes), end="")
    if failed:
        raise failed[0]


def _write_table(grid: "Grid", changes: "Changes") -> str:
    """The table of all runs that have their figures, also written into the grid's output, with a
    picture beside it."""
    from analysis.comparison import comparison_table, plot_comparison

    measured: dict[str, list[dict[str, float | None]]] = {}
    for run in grid.runs():
        if (figures := run.figures()) is not None:
            measured.setdefault(run.variant, []).append(figures)
    output = Path(grid.config.output)
    found = changes.of([run for run in grid.runs() if run.figures() is not None])
    further = {"EER against baseline": found} if found else {}
    table = comparison_table("variant", COLUMNS, measured, further)
    atomic_write(output / "table.md", table)
    if measured:
        plot_comparison(measured, "eer_percent", "EER %", output / "table.svg")
    return table
