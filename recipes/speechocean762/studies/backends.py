"""EER, minDCF and Cllr of every back-end with every score normalisation, for one encoder.

    python -m recipes.speechocean762.studies.backends CHECKPOINT DATA CORPUS/test OUT.md

Back-ends are trained on DATA/train, whose speaker means are the cohort, and calibrations on the
trials of DATA/validation. The row to use is chosen by the figures on DATA/validation; those on the
test set are in the same row.
"""

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np

from joint import load
from joint.data.opening import open_corpus
from joint.experiments.tables import comparison_table
from joint.files import atomic_write
from joint.metrics.detection import cllr, error_rates, min_cllr
from joint.terminal import errors_in_one_line
from recipes.speechocean762.studies.command import study_parser
from tasks.verification.embedding import Embed, EmbeddedFiles, embed_corpus
from tasks.verification.scorer import BACKENDS, NORMS, Scorer, make_scorer
from tasks.verification.trials import Trials

COLUMNS = {
    "validation_eer_percent": "held-out EER %",
    "validation_min_dcf_p01": "minDCF 0.01",
    "test_eer_percent": "test EER %",
    "test_min_dcf_p01": "minDCF 0.01",
    "test_cllr": "Cllr",
    "test_min_cllr": "min Cllr",
}


class Part:
    """Embedded recordings and the trials of them."""

    def __init__(self, embed: Embed, folder: Path) -> None:
        self.trials = Trials.load(folder / "trials")
        tables = open_corpus(folder)
        self.trials.check(tables)
        self.embedded: EmbeddedFiles = embed_corpus(embed, tables, self.trials.names, True)
        rows = self.embedded.rows()
        self.trials = self.trials.keep(self.trials.present(rows))
        self.first, self.second = self.trials.positions(rows)

    def figures(self, name: str, scorer: Scorer) -> dict[str, float | None]:
        """Error rates, and the cost of the scores as log-likelihood ratios."""
        scores = scorer(self.embedded, self.first, self.second)
        rates = error_rates(scores, self.trials.labels)
        return {
            f"{name}_eer_percent": rates.eer().percent,
            f"{name}_min_dcf_p01": rates.min_dcf(0.01),
            f"{name}_cllr": cllr(scores, self.trials.labels),
            f"{name}_min_cllr": min_cllr(scores, self.trials.labels),
        }


def compare(checkpoint: str, data: Path, test: Path, top: int) -> str:
    """The table, a row for each back-end and normalisation; AS-norm uses the `top` speakers.

    Raises JointError.
    """
    embed = load(checkpoint).embed
    held_out, tested = Part(embed, data / "validation"), Part(embed, test)
    people = open_corpus(data / "train")
    others = embed_corpus(embed, people, progress=True)
    speakers = np.array([people.by_id[name].speaker for name in others.names])
    measured = {}
    for backend, norm in product(BACKENDS, NORMS):
        plain = make_scorer(backend, norm, others.embeddings, speakers, top=top)
        scorer = plain.calibrated(
            held_out.embedded, held_out.first, held_out.second, held_out.trials.labels
        )
        # a calibration with quality measures reorders trials, so it has its own error rates
        names = {f"{backend}, {norm}": plain, f"{backend}, {norm}, calibrated": scorer}
        for name, each in names.items():
            figures = held_out.figures("validation", each) | tested.figures("test", each)
            if each is plain:  # not calibrated
                figures["test_cllr"] = None
            measured[name] = [figures]
    return comparison_table("back-end, norm", COLUMNS, measured)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = study_parser(__doc__)
    parser.add_argument("checkpoint", help="a checkpoint, or the name of a shipped one")
    parser.add_argument("data", type=Path, help="what `joint prepare speechocean762` wrote")
    parser.add_argument("test", type=Path, help="the corpus's test folder")
    parser.add_argument("output", type=Path, help="a Markdown file to write")
    parser.add_argument(
        "--top", type=int, default=50, help="highest cohort scores that AS-norm uses"
    )
    given = parser.parse_args(arguments)
    table = compare(given.checkpoint, given.data, given.test, given.top)
    atomic_write(given.output, table)
    print(table)


if __name__ == "__main__":
    with errors_in_one_line():
        main()
