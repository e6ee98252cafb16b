"""Golden figures: what the shipped checkpoints and three short trainings gave when they were taken.

`python tests/pins/pins.py` writes `golden.json` anew; `test_pins.py` compares.
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch

from joint.app.api import load
from joint.data.opening import open_corpus
from joint.data.prepare.subset import write_subset
from joint.training.run import train
from recipes.speechocean762.prepare import prepare
from tasks.extraction.evaluate import evaluate_extraction
from tasks.extraction.mixtures import MixtureList
from tasks.verification.embedding import embed_corpus
from tasks.verification.evaluate import evaluate_embedded
from tasks.verification.trials import Trials

HERE = Path(__file__).parent
GOLDEN = HERE / "golden.json"
CORPUS = HERE.parents[1] / "recipes" / "speechocean762" / "embedded"
SHIPPED = ("speechocean762-librispeech-joint", "campplus-joint")
TRAININGS = ("verification", "extraction", "recognition")
STEPS, RECORDINGS, MIXTURES = 30, 8, 20


def shipped(name: str) -> dict[str, Any]:
    """Embeddings of 8 recordings, EER of all trials and SI-SDRi of 20 mixtures, in float32."""
    model = load(name, precision="float32")
    folder = open_corpus(CORPUS / "test")
    chosen = sorted(folder.by_id)[:: len(folder.utterances) // RECORDINGS][:RECORDINGS]
    embeddings = model.embed([folder.by_id[name].path for name in chosen])
    trials = Trials.load(CORPUS / "test" / "trials")
    verified, _, _ = evaluate_embedded(embed_corpus(model.embed, folder), folder, trials)
    mixtures = MixtureList.load(CORPUS / "test" / "mix2_extraction.csv")
    extracted = evaluate_extraction(
        model.estimate, folder, mixtures, limit=MIXTURES, perceptual=False
    )
    return {
        "embeddings": [[round(float(value), 6) for value in row] for row in embeddings],
        "eer_percent": verified["eer_percent"],
        "si_sdr_improvement_db": extracted["si_sdr_improvement_db"],
    }


def trained(name: str, data: Path, output: Path) -> dict[str, float]:
    """Loss of the first of 30 steps, mean loss of the last five, and figures on the validation."""
    overrides = [f"data.{part}={data / part}" for part in ("train", "validation")]
    train(HERE / f"{name}.yaml", [*overrides, f"output={output}", f"trainer.max_steps={STEPS}"])
    lines = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]
    losses = [line["loss"] for line in lines if "loss" in line]
    assert len(losses) == STEPS
    figures = next(line["validation"] for line in lines if "validation" in line)
    return {"first": losses[0], "last": sum(losses[-5:]) / 5, **figures}


def prepared(folder: Path) -> Path:
    """The embedded corpus as `train`, six of its test speakers as `validation`."""
    prepare(CORPUS, folder / "data")
    corpus = open_corpus(folder / "data" / "test")
    chosen = [u.id for u in corpus.utterances if u.speaker in corpus.speakers[:6]]
    write_subset(folder / "data" / "test", chosen, folder / "data" / "validation")
    return folder / "data"


def main(folder: Path) -> None:
    """Write `golden.json`, with `folder` for what lies in between."""
    torch.set_num_threads(1)
    data = prepared(folder)
    golden: dict[str, Any] = {name: shipped(name) for name in SHIPPED}
    golden |= {name: trained(name, data, folder / name) for name in TRAININGS}
    GOLDEN.write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
