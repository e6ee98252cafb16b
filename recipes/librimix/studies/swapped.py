"""How much of an extractor's error is who comes out: what it gives, and what it leaves of the
mixture, which would be right if it took the wrong person.

    python -m recipes.librimix.studies.swapped speechocean762-librispeech-joint
        data/speechocean762/validation --judge campplus-joint

A row for the estimate alone, one for the better of both by the reference (no choice can gain more),
and rows for the remainder wherever its cosine with the enrolment, by the judge's encoder, is higher
by a margin.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from joint import SpeakerModel, load
from joint.data.corpus import Corpus
from joint.data.opening import open_corpus
from joint.directions import unit
from joint.metrics.separation import si_sdr_db
from joint.terminal import errors_in_one_line
from tasks.extraction.mixtures import MixtureList, MixtureRow
from tasks.extraction.rendering import render

LIST = "mix2_extraction.csv"
MARGINS = (0.0, 0.02, 0.05, 0.1)


def measured(
    row: MixtureRow, corpus: Corpus, model: SpeakerModel, judge: SpeakerModel
) -> tuple[float, float, float]:
    """SI-SDRi of the estimate and of the remainder, and how much higher the remainder's cosine with
    the enrolment is."""
    waveforms = render(row, corpus)
    estimate = model.estimate(waveforms.mixture, waveforms.enrollment)
    both = estimate, waveforms.mixture - estimate
    enrolled, *found = unit(judge.embed_waveforms([waveforms.enrollment, *both]))
    cosines = [float(one @ enrolled) for one in found]
    reference = torch.from_numpy(waveforms.reference)
    before, own, other = (
        float(si_sdr_db(torch.from_numpy(np.asarray(w, np.float32)), reference))
        for w in (waveforms.mixture, *both)
    )
    return own - before, other - before, cosines[1] - cosines[0]


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint")
    parser.add_argument("data", type=Path, help=f"a prepared folder with {LIST}")
    parser.add_argument("--judge", help="another checkpoint, for the cosines")
    parser.add_argument("--limit", type=int, default=300, help="the first mixtures of the list")
    given = parser.parse_args(arguments)
    corpus, rows = open_corpus(given.data), MixtureList.load(given.data / LIST).rows[: given.limit]
    model = load(given.checkpoint, tasks=("extraction",))
    judge = load(given.judge, tasks=()) if given.judge else model
    own, other, cosine = np.array([measured(row, corpus, model, judge) for row in rows]).T
    print("| taken | remainders | SI-SDRi dB |\n|---|---|---|")
    print(f"| the estimate | 0 % | {own.mean():.2f} |")
    better = np.maximum(own, other).mean()
    print(
        f"| the better one by the reference | {100 * (other > own).mean():.0f} % | {better:.2f} |"
    )
    for margin in MARGINS:
        taken = cosine > margin
        gained = np.where(taken, other, own).mean()
        share = 100 * taken.mean()
        print(f"| the remainder, its cosine higher by {margin:g} | {share:.0f} % | {gained:.2f} |")


if __name__ == "__main__":
    with errors_in_one_line():
        main()
