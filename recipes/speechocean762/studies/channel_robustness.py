"""EER of verification with and without a random channel on each utterance.

    python -m recipes.speechocean762.studies.channel_robustness \\
        CHECKPOINT CORPUS/test CORPUS/test/trials

In this corpus every speaker has one recording setup, so an encoder could identify the setup from
the long-term spectrum instead of the speaker. The channel is a smooth gain over frequency
(`joint.data.scenes.augmentation.through_channel`), drawn for each utterance.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from joint import load
from joint.data.opening import open_corpus
from joint.data.scenes.augmentation import own_channel
from joint.terminal import errors_in_one_line
from recipes.speechocean762.studies.command import study_parser
from tasks.verification.embedding import Embed
from tasks.verification.evaluate import evaluate_verification
from tasks.verification.trials import Trials


def through_channels(embed: Embed) -> Embed:
    """`embed` with a random channel on each recording, the same in every run."""

    def embedded(waveforms: Sequence[np.ndarray]) -> np.ndarray:
        return embed([own_channel(w) for w in waveforms])

    return embedded


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = study_parser(__doc__)
    parser.add_argument("checkpoint", help="a checkpoint, or the name of a shipped one")
    parser.add_argument("data", type=Path, help="a Kaldi folder")
    parser.add_argument("trials", type=Path, help="a list of trials")
    given = parser.parse_args(arguments)
    folder, trials = open_corpus(given.data), Trials.load(given.trials)
    embed = load(given.checkpoint).embed
    systems = {"as recorded": embed, "random channels": through_channels(embed)}
    for name, system in systems.items():
        found = evaluate_verification(system, folder, trials)
        print(f"{name:16} EER {found['eer_percent']:.2f} %, minDCF {found['min_dcf_p01']:.3f}")


if __name__ == "__main__":
    with errors_in_one_line():
        main()
