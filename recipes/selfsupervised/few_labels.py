"""A share of a prepared folder's speakers, as if the labels of the others were not known.

    python -m recipes.selfsupervised.few_labels data/librispeech/train exp/few/librispeech

writes the manifests of all utterances of a fifth of the speakers, or of another `--share`; the
recordings are not copied.
"""

import argparse
import random
from pathlib import Path

from joint.data.opening import open_corpus
from joint.data.prepare.subset import refuse_prepared, write_subset
from joint.errors import DataError
from joint.terminal import errors_in_one_line


def few_speakers(folder: Path, output: Path, share: float, seed: int = 0) -> str:
    """Write a `share` of the speakers of `folder`, at least two; gives a line about it. The same
    for the same seed. Raises DataError."""
    if not 0.0 < share <= 1.0:
        raise DataError("--share", str(share), "more than 0, at most 1")
    refuse_prepared(output)
    corpus = open_corpus(folder)
    count = max(2, round(share * len(corpus.speakers)))
    if count > len(corpus.speakers):
        raise DataError(folder, f"{len(corpus.speakers)} speakers", "two at least")
    chosen = set(random.Random(seed).sample(sorted(corpus.speakers), count))
    utterances = [u.id for u in corpus.utterances if u.speaker in chosen]
    write_subset(folder, utterances, output)
    return f"{output}: {count} of {len(corpus.speakers)} speakers, {len(utterances)} utterances"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="that `joint prepare` wrote")
    parser.add_argument("output", type=Path)
    parser.add_argument("--share", type=float, default=0.2, help="of the speakers")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print(few_speakers(given.folder, given.output, given.share, given.seed))


if __name__ == "__main__":
    with errors_in_one_line():
        main()
