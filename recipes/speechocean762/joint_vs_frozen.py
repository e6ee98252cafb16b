"""The joint-vs-frozen table: the same start and the same budget for each arm, then every task.

    python -m recipes.speechocean762.joint_vs_frozen START.safetensors DATA CORPUS/test

START is a checkpoint whose encoder every arm begins with: that of stage 1 (the extractor is then
new in every arm), or one that has an extractor as well. An arm that has its figures is not run
again, and a killed one goes on where it was. The table is printed and kept in `OUTPUT/table.md`.
"""

import argparse
import json
from dataclasses import dataclass
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
COLUMNS = {
    "eer_percent": "EER %",
    "si_sdr_improvement_db": "SI-SDRi dB",
    "wrong_speaker_share": "wrong speaker",
    "cosine_drift": "cosine drift",
}


@dataclass(frozen=True)
class Arm:
    """One row: the switch of the extraction task, and whether the recipe's speaker loss counts."""

    name: str
    encoder: str
    speaker_loss: bool

    def overrides(self) -> list[str]:
        """The recipe's keys that make this arm."""
        switch = [f"tasks.extraction.encoder={self.encoder}"]
        return switch if self.speaker_loss else [*switch, "tasks.verification.weight=0"]


ARMS = (
    Arm("frozen", "frozen", False),
    Arm("joint, no speaker loss", "joint", False),
    Arm("joint, with speaker loss", "joint", True),
)


def embeddings(model: SpeakerModel, folder: KaldiFolder) -> np.ndarray:
    """Of every utterance of the folder, in the order of the ids."""
    return model.embed([read_audio(u.path) for _, u in sorted(folder.utterances.items())])


def figures_of(arm: Arm, given: argparse.Namespace) -> dict[str, float]:
    """Train the arm, or take up what there is of it, and evaluate every task."""
    output = given.output / arm.name.replace(", ", "-").replace(" ", "-")
    done = output / "figures.json"
    if done.is_file():
        found: dict[str, float] = json.loads(done.read_text())
        return found
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
    trained = train(RECIPE, [*overrides, *arm.overrides()], resume=begun)
    folder = KaldiFolder.load(given.test)
    before, after = load(given.start), load(trained)
    found = evaluate_verification(after.embed, folder, Trials.load(given.test / "trials"))
    mixtures = MixtureList.load(given.test / "mix2_extraction.csv")
    found |= evaluate_extraction(after.extract, folder, mixtures, perceptual=False)
    found |= embedding_drift(embeddings(before, folder), embeddings(after, folder))
    found = {key: found[key] for key in COLUMNS}
    atomic_write(done, json.dumps(found))
    return found


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("start", type=Path, help="a checkpoint that has the encoder")
    parser.add_argument("data", type=Path, help="what `joint prepare speechocean762` wrote")
    parser.add_argument("test", type=Path, help="the corpus's test folder")
    parser.add_argument("--minutes", type=float, default=20.0, help="an arm")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path("exp/speechocean762/joint_vs_frozen"))
    parser.add_argument("--cache", type=Path, default=Path("exp/cache"))
    given = parser.parse_args()
    rows = ["| arm | " + " | ".join(COLUMNS.values()) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for arm in ARMS:
        found = figures_of(arm, given)
        rows.append(f"| {arm.name} | " + " | ".join(f"{found[c]:.3f}" for c in COLUMNS) + " |")
    table = "\n".join(rows) + "\n"
    print(table)
    atomic_write(given.output / "table.md", table)


if __name__ == "__main__":
    with errors_in_one_line():
        main()
