"""Give a band-split extractor its level back: SI-SDR does not know the scale of an estimate, and
the loss of absent people lowers it for everybody.

    python -m recipes.shipped.level TRAINED.safetensors OUT.safetensors DATA

DATA is a prepared part of held-out speakers with its `mix2_extraction.csv`. The mask is multiplied
by the median of the gains that bring estimates nearest to their references (least squares).
"""

import argparse
from pathlib import Path

import numpy as np

from joint import load
from joint.data.opening import open_corpus
from joint.errors import CheckpointError
from joint.terminal import errors_in_one_line
from joint.training import checkpoint
from tasks.extraction.extractors.bsrnn import BandSplitExtractor
from tasks.extraction.mixtures import MixtureList
from tasks.extraction.rendering import render
from tasks.extraction.task import ExtractionTask


def level(trained: Path, output: Path, folder: Path) -> float:
    """Write `output`; returns the gain. Raises CheckpointError for another extractor."""
    model = load(trained, tasks=("extraction",))
    task = model.model.task("extraction")
    if not isinstance(task, ExtractionTask) or not isinstance(task.extractor, BandSplitExtractor):
        raise CheckpointError(trained, "another extractor", "a band-split one")
    corpus, mixtures = open_corpus(folder), MixtureList.load(folder / "mix2_extraction.csv")
    mixtures.check(corpus)
    gains = []
    for row in mixtures.rows:
        rendered = render(row, corpus)
        estimate = model.estimate(rendered.mixture, corpus.by_id[row.enrollment].waveform())
        reference = np.asarray(rendered.reference)
        gains.append(float(reference @ estimate / (estimate @ estimate)))
    gain = float(np.median(gains))
    tensors, metadata = checkpoint.read(trained)
    begin = f"{checkpoint.MODEL}tasks.extraction.extractor.mask.outputs."
    for name, value in tensors.items():
        if name.startswith(begin):  # its first half is the mask, the second one its gate
            value[..., : value.shape[-1] // 2] *= gain
    checkpoint.write(output, tensors, metadata)
    return gain


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trained", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("folder", type=Path, metavar="DATA")
    given = parser.parse_args()
    print(f"gain {20 * np.log10(level(given.trained, given.output, given.folder)):.1f} dB")


if __name__ == "__main__":
    with errors_in_one_line():
        main()
