"""The report of `make demo`: figures, curves, six mixtures and two synthetic
recordings to listen to."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from analysis.charts import det_chart, histogram_chart
from analysis.report.extraction import evenly
from analysis.report.page import Charts, Example, Section, Table, write_report
from analysis.report.training import read_log, training_panels
from joint import SpeakerModel
from joint.data.corpus import Corpus, Utterance
from joint.metrics.detection import ErrorRates
from tasks.extraction.mixtures import MixtureList, MixtureRow
from tasks.extraction.rendering import render

EXAMPLES = 6
SPEAKING = {"synthesis", "conversion", "vocoder"}
SENTENCE = "One encoder serves every task, and this voice comes from a single recording."
LOGGED = {
    "loss": "weighted sum of the losses",
    "verification/loss": "speaker loss",
    "extraction/loss": "extraction loss",
    "verification/accuracy": "accuracy over all training speakers",
    "extraction/si_sdr_improvement_db": "SI-SDR improvement of training mixtures",
}

COLUMNS = {
    "EER %": ("eer_percent", "{:.2f}"),
    "minDCF(0.01)": ("min_dcf_p01", "{:.3f}"),
    "SI-SDRi dB": ("si_sdr_improvement_db", "{:+.2f}"),
    "median dB": ("si_sdr_improvement_median_db", "{:+.2f}"),
    "improved": ("improved_share", "{:.0%}"),
    "wrong speaker": ("wrong_speaker_share", "{:.0%}"),
    "PESQ": ("pesq", "{:.2f}"),
    "STOI": ("stoi", "{:.3f}"),
}


@dataclass(frozen=True)
class System:
    """A model with its figures, its DET curve, and the SI-SDR improvement of each mixture in dB."""

    name: str
    model: SpeakerModel
    figures: dict[str, Any]
    rates: ErrorRates
    improvements: dict[str, float]

    def row(self) -> list[str]:
        """The figures as text, in the order of `COLUMNS`."""
        values = [(self.figures.get(key), shown) for key, shown in COLUMNS.values()]
        return [self.name, *("-" if v is None else shown.format(v) for v, shown in values)]


def write_demo_report(
    path: Path, systems: Sequence[System], run: Path, test: tuple[Corpus, MixtureList]
) -> Path:
    """Write the report of `systems` and of the training log in the folder `run`; returns `path`."""
    folder, mixtures = test
    measured = [row for row in mixtures.rows if row.mix_id in systems[0].improvements]
    sections = [
        Section(
            "Both tasks, one encoder",
            "Verification: are two recordings of one person (EER, minDCF: lower is better)? "
            "Extraction: how much clearer than the mixture is the enrolled person's voice "
            "(SI-SDRi, PESQ, STOI: higher is better)? Improved means by more than 1 dB; wrong "
            "speaker means that the other person came out.",
            [Table(["system", *COLUMNS], [system.row() for system in systems])],
        ),
        Section(
            "Verification",
            "Every threshold trades false alarms for misses; closer to the lower left is better.",
            [Charts([det_chart({system.name: system.rates for system in systems})], wide=True)],
        ),
        Section("Extraction", "SI-SDR of the output over that of the mixture.", [_gains(systems)]),
        Section(
            "Training, just now",
            "Thin: single steps. Thick: their running mean. Dots: held-out speakers.",
            [Charts(training_panels(read_log(run / "metrics.jsonl"), LOGGED))],
        ),
        Section(
            "Listen",
            f"{EXAMPLES} mixtures, evenly spaced in the list. Spectrograms: time to the right, "
            "0 to 8 kHz upwards, 80 dB from dark to bright.",
            [_example(row, folder, systems) for row in evenly(measured, EXAMPLES)],
        ),
        *[_speech(system, folder, measured) for system in systems if speaks(system.model)],
    ]
    write_report(
        path,
        "One speaker encoder, two tasks",
        "Real speech of speechocean762 (Zhang et al. 2021, OpenSLR 101, CC BY 4.0): read English "
        "by Mandarin speakers, half of them children. All figures on 12 speakers outside every "
        "training set.",
        sections,
    )
    return path


def speaks(model: SpeakerModel) -> bool:
    """Whether the model synthesizes and converts speech."""
    return set(model.model.tasks) >= SPEAKING


def _speech(system: System, folder: Corpus, mixtures: Sequence[MixtureRow]) -> Section:
    """A sentence and a conversion in the voices of two test speakers."""
    row = mixtures[0]
    spoken = folder.by_id[row.interferer]
    source, enrollment = spoken.waveform(), folder.by_id[row.enrollment].waveform()
    target = folder.by_id[row.target]
    return Section(
        "Speak",
        "Synthetic: made of a text, or of another person's recording, in the voice of a test "
        f"speaker, whom {system.name} knows from one recording alone.",
        [
            Example(
                f"A sentence in the voice of {_person(target)}",
                f"“{SENTENCE}”",
                {
                    "enrolment": enrollment,
                    "synthetic": system.model.synthesize(SENTENCE, enrollment),
                },
            ),
            Example(
                f"What {_person(spoken)} says in the voice of {_person(target)}",
                f"“{spoken.text.capitalize()}”",
                {
                    "source": source,
                    "enrolment": enrollment,
                    "synthetic": system.model.convert(source, enrollment),
                },
            ),
        ],
    )


def _gains(systems: Sequence[System]) -> Charts:
    values = {system.name: np.array(list(system.improvements.values())) for system in systems}
    title = f"SI-SDR improvement of {max(map(len, values.values()))} mixtures"
    return Charts([histogram_chart(title, values, "dB")], wide=True)


def _example(row: MixtureRow, folder: Corpus, systems: Sequence[System]) -> Example:
    sound = render(row, folder)
    estimates = {s.name: s.model.estimate(sound.mixture, sound.enrollment) for s in systems}
    gains = ", ".join(
        f"{system.name} {system.improvements[row.mix_id]:+.1f} dB"
        for system in systems
        if row.mix_id in system.improvements
    )
    target, other = folder.by_id[row.target], folder.by_id[row.interferer]
    return Example(
        f"{row.mix_id}: {_person(target)} against {_person(other)}, {row.snr_db:+.1f} dB",
        f"SI-SDR improvement: {gains}. Text of the target: “{target.text.capitalize()}”",
        {
            "mixture": sound.mixture,
            "enrolment": sound.enrollment,
            **estimates,
            "reference": sound.reference,
        },
    )


def _person(utterance: Utterance) -> str:
    kinds = {("f", "adult"): "a woman", ("m", "adult"): "a man"}
    kinds |= {("f", "child"): "a girl", ("m", "child"): "a boy"}
    return kinds.get((utterance.gender or "", utterance.age_group or ""), "a speaker")
