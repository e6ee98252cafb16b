"""Convert a trained checkpoint for distribution: weights in float16, with what is chosen and
measured on held-out speakers: threshold, calibration, the recordings for which both hold, the
decisions on presence and on the number of speakers, figures.

    python -m recipes.shipped.ship exp/shipped/extraction/model.safetensors OUT.safetensors
        data/speechocean762/validation data/librispeech/validation [--name NAME --command COMMAND
        --trained-on TEXT --licence TEXT]

Each folder has its `trials`; of those with a `mix2_extraction.csv` the extractor is measured.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from joint import SpeakerModel, load
from joint.data.corpus import Corpus
from joint.data.opening import open_corpus
from joint.errors import DataError
from joint.inspection.domain import KEY as DOMAIN
from joint.metrics.calibration import Calibration
from joint.terminal import errors_in_one_line
from joint.training import checkpoint
from joint.training.building.model import to_half
from tasks.diarization.threshold import choose_threshold
from tasks.extraction.absence import measured_presence
from tasks.extraction.evaluate import evaluate_extraction
from tasks.extraction.mixtures import MixtureList
from tasks.extraction.presence import KEY as PRESENCE
from tasks.extraction.presence import Presence
from tasks.verification.conditions import CONDITIONS, balanced_threshold, condition_scores
from tasks.verification.domain import measured_domain
from tasks.verification.evaluate import evaluate_verification
from tasks.verification.trials import Trials

HELD = (
    "as recorded",
    "zeros 0.25 s before",
    "zeros 2 s after",
    "noise gate -45 dB",
    "dropouts",
    "11 kHz",
    "white noise 15 dB",
    "hum 10 dB",
    "40 dB quieter",
    "another microphone",
)
"""The conditions for which threshold and calibration are chosen."""
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


@dataclass(frozen=True)
class About:
    """What a checkpoint says of itself."""

    name: str = "speechocean762-librispeech-joint"
    command: str = "joint train recipes/shipped/extraction.yaml"
    trained_on: str = "speechocean762 train, 113 speakers; LibriSpeech train-clean-5, 24 speakers"
    licence: str = "Apache-2.0; trained on speechocean762 and LibriSpeech (CC BY 4.0)"


def ship(
    trained: Path, output: Path, folders: Sequence[Path], about: About | None = None
) -> dict[str, Any]:
    """Write `output` and return its figures. Raises JointError."""
    model = load(trained)
    embed = model.embed_waveforms
    parts = {corpus_name(folder): folder for folder in folders}
    corpora = {name: open_corpus(folder) for name, folder in parts.items()}
    trials = {name: Trials.load(folder / "trials") for name, folder in parts.items()}
    figures: dict[str, Any] = {}
    held = {name: CONDITIONS[name] for name in HELD}
    judged: list[tuple[np.ndarray, np.ndarray]] = []
    for name, corpus in corpora.items():
        found = evaluate_verification(embed, corpus, trials[name], progress=False)
        figures |= {f"{name}/{key}": found[key] for key in KEPT if key in found}
        labels, conditions = condition_scores(embed, corpus, trials[name], held)
        for scores in conditions:
            judged += [(scores.one_side, labels), (scores.both_sides, labels)]
    threshold = balanced_threshold(judged)
    every, same = (np.concatenate(part) for part in zip(*judged, strict=True))
    calibration = Calibration.fit(every, same)
    sets = [(corpora[name], trials[name]) for name in corpora]
    bounds, borne = measured_domain(embed, sets, threshold)
    turns = choose_threshold(embed, list(corpora.values()))
    figures["number_of_speakers_right_percent"] = 100 * turns.right
    tensors, metadata = checkpoint.read(trained)
    shipped: dict[str, Any] = {
        **described(metadata, about or About()),
        "threshold": threshold,
        "calibration": asdict(calibration),
        "diarization_threshold": turns.threshold,
        DOMAIN: bounds,
        "domain_figures": borne,
    }
    for name, folder in parts.items():
        if (folder / "mix2_extraction.csv").is_file():
            presence, found = extraction_figures(model, corpora[name], folder)
            shipped[PRESENCE] = asdict(presence)
            figures |= {f"{name}/{key}": found[key] for key in KEPT if key in found}
    kept = {k: v for k, v in tensors.items() if k.startswith(checkpoint.MODEL)}
    checkpoint.write(output, to_half(kept), shipped | {"figures": figures})
    return {"threshold": threshold, "diarization_threshold": turns.threshold, **figures}


def extraction_figures(
    model: SpeakerModel, corpus: Corpus, folder: Path
) -> tuple[Presence, dict[str, Any]]:
    """The decision on presence, and the figures of the extractor and of that decision."""
    mixtures = MixtureList.load(folder / "mix2_extraction.csv")
    found = evaluate_extraction(model.estimate, corpus, mixtures, progress=False)
    presence, absent = measured_presence(model.estimate, model.embed_waveforms, corpus, mixtures)
    return presence, found | absent


def described(metadata: Mapping[str, Any], about: About) -> dict[str, Any]:
    """What the checkpoint says of itself, without local paths."""
    config = {k: v for k, v in metadata["config"].items() if k not in LOCAL}
    return {
        **metadata,
        "data": {**metadata["data"], "train": about.trained_on, "corpora": None},
        "config": config,
        "name": about.name,
        "command": about.command,
        "licence": about.licence,
    }


LOCAL = ("data", "init", "init_parts", "output", "augmentation")
"""Settings that name files of the machine that trained."""


def corpus_name(folder: Path) -> str:
    """The corpus of a prepared part: `librispeech` of `data/librispeech/validation`.

    Raises DataError for a folder without its trials."""
    if not (folder / "trials").is_file():
        raise DataError(folder, "no trials", "a part that `joint prepare` wrote")
    return folder.absolute().parent.name


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trained", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("folders", type=Path, nargs="+")
    for field in fields(About):
        option = f"--{field.name.replace('_', '-')}"
        parser.add_argument(option, default=field.default, metavar="TEXT")
    given = parser.parse_args()
    about = About(**{field.name: getattr(given, field.name) for field in fields(About)})
    for key, value in ship(given.trained, given.output, given.folders, about).items():
        print(f"{key:45} {value}")


if __name__ == "__main__":
    with errors_in_one_line():
        main()
