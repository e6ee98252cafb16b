"""Convert a trained checkpoint for distribution: weights in float16, with threshold, calibration,
the recordings for which both hold, the decision on presence, and figures of the held-out speakers.

    python -m recipes.speechocean762.ship exp/…/model.safetensors DATA OUT.safetensors

DATA is what `joint prepare speechocean762` wrote; what is chosen, is chosen on its `validation`
part.
"""

import argparse
from dataclasses import asdict
from pathlib import Path

from joint import SpeakerModel, load
from joint.data.corpus import Corpus
from joint.data.opening import open_corpus
from joint.inspection.domain import KEY as DOMAIN
from joint.terminal import errors_in_one_line
from joint.training import checkpoint
from joint.training.building.model import to_half
from tasks.extraction.absence import measured_presence
from tasks.extraction.evaluate import evaluate_extraction
from tasks.extraction.mixtures import MixtureList
from tasks.extraction.presence import KEY as PRESENCE
from tasks.verification.backends.calibration import Calibration
from tasks.verification.domain import measured_domain
from tasks.verification.embedding import embed_corpus
from tasks.verification.evaluate import evaluate_verification
from tasks.verification.scorer import Scorer
from tasks.verification.trials import Trials

KEPT = (
    "eer_percent",
    "min_dcf_p01",
    "min_dcf_p05",
    "trials",
    "si_sdr_db",
    "si_sdr_improvement_db",
    "si_sdr_improvement_median_db",
    "improved_share",
    "wrong_speaker_share",
    "pesq",
    "stoi",
    "mixtures",
    "presence_eer_percent",
    "present_warned_percent",
    "absent_warned_percent",
)


def calibration(model: SpeakerModel, folder: Corpus, trials: Trials) -> Calibration:
    """The calibration of cosine scores on these trials."""
    embedded = embed_corpus(model.embed, folder, trials.names)
    scores = Scorer()(embedded, *trials.positions(embedded.rows()))
    return Calibration.fit(scores, trials.labels)


def ship(trained: Path, data: Path, output: Path, name: str, command: str) -> dict[str, object]:
    """Write `output` and return its figures. Raises JointError."""
    model, folder = load(trained), open_corpus(data / "validation")
    trials = Trials.load(data / "validation" / "trials")
    found = evaluate_verification(model.embed, folder, trials, progress=False)
    threshold = found["threshold_at_eer"]
    bounds, borne = measured_domain(model.embed_waveforms, [(folder, trials)], threshold)
    limits: dict[str, object] = {DOMAIN: bounds, "domain_figures": borne}
    if "extraction" in model.model.tasks:
        mixtures = MixtureList.load(data / "validation" / "mix2_extraction.csv")
        found |= evaluate_extraction(model.estimate, folder, mixtures)
        presence, absent = measured_presence(
            model.estimate, model.embed_waveforms, folder, mixtures
        )
        found |= absent
        limits[PRESENCE] = asdict(presence)
    figures = {f"validation/{key}": found[key] for key in KEPT if key in found}
    tensors, metadata = checkpoint.read(trained)
    kept = {k: v for k, v in tensors.items() if k.startswith(checkpoint.MODEL)}
    metadata["data"]["train"] = "speechocean762 train, 113 speakers"
    # local paths are not distributed
    config = {k: v for k, v in metadata["config"].items() if k not in ("data", "init", "output")}
    shipped = {
        **metadata,
        "config": config,
        "name": name,
        "command": command,
        "licence": "Apache-2.0; trained on speechocean762 (CC BY 4.0)",
        "threshold": threshold,
        "calibration": asdict(calibration(model, folder, trials)),
        **limits,
        "figures": figures,
    }
    checkpoint.write(output, to_half(kept), shipped)
    return figures


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trained", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--name", default="speechocean762-joint")
    parser.add_argument("--command", default="joint train recipes/speechocean762/joint.yaml")
    given = parser.parse_args()
    figures = ship(given.trained, given.data, given.output, given.name, given.command)
    for key, value in figures.items():
        print(f"{key:45} {value}")


if __name__ == "__main__":
    with errors_in_one_line():
        main()
