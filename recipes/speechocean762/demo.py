"""`make demo`: train encoder and extractor jointly for a few minutes, evaluate them, write a
report.

    python -m recipes.speechocean762.demo [key=value …]

The data is real speech of the embedded corpus: 36 speakers for training and 12 others for the test.
The shipped checkpoint, trained for hours on 113 speakers (none of those 12), is evaluated too.
"""

import shutil
import sys
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table as TerminalTable

from joint import SpeakerModel, load
from joint.data.corpus import Corpus
from joint.data.opening import open_corpus
from joint.errors import CheckpointError
from joint.metrics.detection import error_rates
from joint.terminal import errors_in_one_line
from joint.training.run import train
from recipes.speechocean762.demo_report import COLUMNS, System, write_demo_report
from recipes.speechocean762.prepare import prepare
from tasks.extraction.evaluate import evaluate_extraction
from tasks.extraction.mixtures import MixtureList
from tasks.verification.evaluate import evaluate_verification
from tasks.verification.trials import Trials

HERE = Path(__file__).parent
FOLDER = Path("exp/demo")
SHIPPED = "speechocean762-librispeech-joint"
TRAINED = "trained just now"


def main(overrides: list[str], folder: Path = FOLDER, limit: int | None = None) -> Path:
    """Prepare, train, evaluate (on the first `limit` mixtures), and write the report; returns its
    path."""
    console = Console()
    started = time.perf_counter()
    console.rule("1/4  the embedded corpus")
    report = prepare(HERE / "embedded", folder / "data")
    for split, utterances in report.utterances.items():
        console.print(f"{split}: {utterances} utterances of {report.speakers[split]} speakers")

    console.rule("2/4  joint training, a few minutes")
    shutil.rmtree(folder / "run", ignore_errors=True)
    data = folder / "data"
    places = [f"data.train={data / 'train'}", f"data.validation={data / 'test'}"]
    places += [f"data.cache={folder / 'cache'}", f"output={folder / 'run'}"]
    checkpoint = train(HERE / "demo.yaml", [*places, *overrides], resume=False, allow_packages=[])

    console.rule("3/4  evaluation on twelve test speakers")
    models = {TRAINED: load(checkpoint)}
    try:
        models[SHIPPED] = load(SHIPPED)
    except CheckpointError as error:
        console.print(f"no shipped checkpoint to compare with: {error}", soft_wrap=True)
    systems = [measure(name, model, folder, limit) for name, model in models.items()]
    table = TerminalTable("", title="12 held-out speakers")
    for system in systems:
        table.add_column(system.name, justify="right")
    rows = [system.row()[1:] for system in systems]
    for name, *values in zip(COLUMNS, *rows, strict=True):
        table.add_row(name, *values)
    console.print(table)

    console.rule("4/4  the report")
    path = write_demo_report(folder / "report.html", systems, checkpoint.parent, test_set(folder))
    minutes = (time.perf_counter() - started) / 60
    console.print(
        f"{path} is written, open it in a browser ({minutes:.1f} minutes)", soft_wrap=True
    )
    return path


def test_set(folder: Path) -> tuple[Corpus, MixtureList]:
    """The held-out speakers and their mixtures."""
    test = folder / "data" / "test"
    return open_corpus(test), MixtureList.load(test / "mix2_extraction.csv")


def measure(name: str, model: SpeakerModel, folder: Path, limit: int | None) -> System:
    """All figures of one model on the held-out speakers; scores are written into `folder`."""
    people, mixtures = test_set(folder)
    tables = folder / "scores" / name.replace(" ", "_")
    tables.mkdir(parents=True, exist_ok=True)
    trials, separated = tables / "trials.csv", tables / "mixtures.csv"
    verified = evaluate_verification(
        model.embed, people, Trials.load(Path(people.where) / "trials"), scores=trials
    )
    extracted = evaluate_extraction(model.estimate, people, mixtures, limit=limit, scores=separated)
    columns = read_columns(trials)
    rates = error_rates(np.array(columns["score"], float), np.array(columns["label"], int))
    rows = read_columns(separated)
    values = map(float, rows["si_sdr_improvement_db"])
    improvements = dict(zip(rows["mix_id"], values, strict=True))
    return System(name, model, {**verified, **extracted}, rates, improvements)


def read_columns(path: Path) -> dict[str, list[str]]:
    """A CSV file by column."""
    import csv

    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in rows[0]}


if __name__ == "__main__":
    with errors_in_one_line():
        main(sys.argv[1:])
