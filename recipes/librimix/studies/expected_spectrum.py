"""How near the expected spectrum (TF-Map) is to the target, and how far from the interferer.

    python -m recipes.librimix.studies.expected_spectrum data/speechocean762/validation

For several values of `sharpness`: the mean cosine of the map's frames with those of the target and
of the interferer, over the louder half of a mixture's frames, on windows of 64 ms every 32 ms.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from joint.conditioning.tf_map import TfMap
from joint.data.corpus import Corpus
from joint.data.opening import open_corpus
from joint.terminal import errors_in_one_line
from tasks.extraction.extractors.spectrum import Spectrum, level_of
from tasks.extraction.mixtures import MixtureList, MixtureRow
from tasks.extraction.rendering import render

LIST = "mix2_extraction.csv"
SHARPNESS = (1.0, 3.0, 10.0, 30.0, 100.0)


def cosines(row: MixtureRow, corpus: Corpus, spectrum: Spectrum, tf_map: TfMap) -> Tensor:
    """Cosine of the map with the target and with the interferer, `(2,)`."""
    waveforms = render(row, corpus)
    mixture, target, other, enrollment = (
        spectrum(w / level_of(w)).abs()
        for w in (torch.from_numpy(waveform)[None] for waveform in waveforms[:4])
    )
    mask = torch.ones(1, enrollment.shape[1], dtype=torch.bool)
    expected = tf_map(mixture, enrollment, mask)
    level = mixture.norm(dim=2)
    loud = level > level.median()
    pairs = [F.cosine_similarity(expected[loud], part[loud]).mean() for part in (target, other)]
    return torch.stack(pairs)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help=f"a prepared folder with {LIST}")
    parser.add_argument("--limit", type=int, default=40, help="mixtures, evenly from the list")
    given = parser.parse_args(arguments)
    corpus, rows = open_corpus(given.data), MixtureList.load(given.data / LIST).rows
    chosen = rows[:: max(1, len(rows) // given.limit)][: given.limit]
    spectrum = Spectrum(1024, 512)
    print("| sharpness | target | interferer | difference |\n|---|---|---|---|")
    for sharpness in SHARPNESS:
        tf_map = TfMap(sharpness)
        found = torch.stack([cosines(row, corpus, spectrum, tf_map) for row in chosen])
        target, other = found.mean(dim=0).tolist()
        print(f"| {sharpness:g} | {target:.3f} | {other:.3f} | {target - other:.3f} |")


if __name__ == "__main__":
    with errors_in_one_line():
        main()
