"""The joint-vs-frozen table: the same start and the same budget for each arm, then every task.

    python -m recipes.speechocean762.joint_vs_frozen START.safetensors DATA CORPUS/test

START is the checkpoint that every arm begins with: that of stage 2, or one without an extractor,
which is then new in every arm. An arm that has its figures is not run again, and a killed one goes
on where it was; `--arms` runs some of them, so that each core can have one. The table of all that
have run is printed and kept in `OUTPUT/table.md`.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from analysis.drift import embedding_drift
from joint.api import SpeakerModel, load
from joint.audio import read_audio
from joint.cli.terminal import errors_in_one_line
from joint.data.kaldi import KaldiFolder
from joint.files import atomic_write
from joint.training import train
from tasks.extraction.evaluate import evaluate_extraction
from tasks.extraction.mixtures import MixtureList
from tasks.verification.evaluate import evaluate_verification
from tasks.verification.trials import Trials

RECIPE = Path(__file__).parent / "joint.yaml"
FIGURES = "figures.json"
COLUMNS = {
    "eer_percent": "EER %",
    "si_sdr_improvement_db": "SI-SDRi dB",
    "wrong_speaker_share": "wrong speaker",
    "cosine_drift": "cosine drift",
}
NO_SPEAKER_LOSS = "tasks.verification.weight=0"
ARMS = {
    "frozen": ["tasks.extraction.encoder=frozen", NO_SPEAKER_LOSS],
    "joint": [NO_SPEAKER_LOSS],
    "joint-speaker-loss": [],
    "speaker-loss-alone": ["tasks.extraction.weight=0"],
}
"""Keys of the recipe that make each arm: the switch of extraction, and which losses count."""


def embeddings(model: SpeakerModel, folder: KaldiFolder) -> np.ndarray:
    """Of every utterance of the folder, in the order of the ids."""
    return model.embed([read_audio(u.path) for _, u in sorted(folder.utterances.items())])


def run(arm: str, given: argparse.Namespace) -> None:
    """Train the arm, or take up what there is of it, and evaluate every task."""
    output = given.output / arm
    if (output / FIGURES).is_file():
        return
    overrides = [
        f"seed={given.seed}",
        f"init=[{given.start}]",
        f"data.train={given.data / 'train'}",
        f"data.validation={given.data / 'validation'}",
        f"data.cache={given.cache}",
        f"output={output}",
        f"trainer.max_minutes={given.minutes}",
    ]
    begun = (output / "checkpoints").is_dir()
    trained = train(RECIPE, [*overrides, *ARMS[arm]], resume=begun)
    folder = KaldiFolder.load(given.test)
    before, after = load(given.start), load(trained)
    found = evaluate_verification(after.embed, folder, Trials.load(given.test / "trials"))
    mixtures = MixtureList.load(given.test / "mix2_extraction.csv")
    found |= evaluate_extraction(after.extract, folder, mixtures, perceptual=False)
    found |= embedding_drift(embeddings(before, folder), embeddings(after, folder))
    atomic_write(output / FIGURES, json.dumps({key: found[key] for key in COLUMNS}))


def table(output: Path) -> str:
    """The arms that have run, a line each."""
    rows = ["| arm | " + " | ".join(COLUMNS.values()) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for arm in ARMS:
        if (output / arm / FIGURES).is_file():
            found = json.loads((output / arm / FIGURES).read_text())
            rows.append(f"| {arm} | " + " | ".join(f"{found[c]:.3f}" for c in COLUMNS) + " |")
    return "\n".join(rows) + "\n"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("start", type=Path, help="a checkpoint that has the encoder")
    parser.add_argument("data", type=Path, help="what `joint prepare speechocean762` wrote")
    parser.add_argument("test", type=Path, help="the corpus's test folder")
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--minutes", type=float, default=20.0, help="an arm")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path("exp/speechocean762/joint_vs_frozen"))
    parser.add_argument("--cache", type=Path, default=Path("exp/cache"))
    given = parser.parse_args()
    for arm in given.arms:
        run(arm, given)
    found = table(given.output)
    print(found)
    atomic_write(given.output / "table.md", found)


if __name__ == "__main__":
    with errors_in_one_line():
        main()
