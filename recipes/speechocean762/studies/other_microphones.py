"""What verification is worth when nobody keeps their microphone: EER with and without a random
channel on each utterance.

    python -m recipes.speechocean762.studies.other_microphones \\
        CHECKPOINT CORPUS/test CORPUS/test/trials

In this corpus every speaker has one recording setup, so an encoder that hears the long-term
spectrum may know the setup instead of the person. A channel here is a smooth gain over frequency
(`joint.data.scenes.augmentation.through_channel`), drawn for each utterance.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from joint import load
from joint.data.corpus import Corpus
from joint.data.scenes.augmentation import own_channel
from joint.terminal import errors_in_one_line
from tasks.verification.embedding import Embed
from tasks.verification.evaluate import evaluate_verification
from tasks.verification.trials import Trials


def through_channels(embed: Embed) -> Embed:
    """`embed` after a channel of its own for each recording, the same one in every run."""

    def embedded(waveforms: Sequence[np.ndarray]) -> np.ndarray:
        return embed([own_channel(w) for w in waveforms])

    return embedded


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("data", type=Path, help="a Kaldi folder")
    parser.add_argument("trials", type=Path)
    given = parser.parse_args()
    folder, trials = Corpus.load(given.data), Trials.load(given.trials)
    embed = load(given.checkpoint).embed
    systems = {"as recorded": embed, "random channels": through_channels(embed)}
    for name, system in systems.items():
        found = evaluate_verification(system, folder, trials)
        print(f"{name:16} EER {found['eer_percent']:.2f} %, minDCF {found['min_dcf_p01']:.3f}")


if __name__ == "__main__":
    with errors_in_one_line():
        main()
