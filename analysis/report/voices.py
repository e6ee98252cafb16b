"""The report of a study of synthetic voices: distances, traits, spoofing, pictures, players."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from analysis.charts import det_chart, histogram_chart, scatter_chart
from analysis.geometry import on_a_plane
from analysis.report.figures import figure_table
from analysis.report.page import Charts, Example, Links, Section, write_report
from analysis.synthesis.spoofing import Trials, against
from analysis.synthesis.study import Findings
from analysis.synthesis.voices import NATURAL, Speech

IDENTITY = (
    "Cosines within one voice and between voices, and with natural enrolments that no system was "
    "given; identified: how often the own enrolment is the nearest; cka: whether the voices lie to "
    "each other as the natural ones do; told apart: a linear probe for synthetic against natural "
    "embeddings, of unseen people."
)
TRAITS = (
    "Linear probes of natural embeddings, on embeddings of unseen people: balanced accuracy of "
    "classes, correlation of numbers, always with the natural person's; audio: measured in the "
    "recording itself."
)
SPOOFING = (
    "Accepted: recordings that score at least the threshold against the enrolment of their person; "
    "spoofing EER: natural recordings of the person against the system's, 50 where verification "
    "cannot tell them apart."
)


def write_voices_report(
    path: Path,
    title: str,
    speech: Speech,
    findings: Mapping[str, Findings],
    plane: str,
    files: Mapping[str, str | Path],
) -> None:
    """Write the page of the `findings` by each encoder. Raises JointError, DataError."""
    text = f"{len(speech.owner)} sentences in the voices of {len(speech.voices)} people: "
    text += f"{', '.join(speech.systems)}, beside the natural recordings."
    sections = [s for name, found in findings.items() for s in _by(name, found, speech, plane)]
    if speech.sounds:
        players = [_example(speech, row) for row in speech.sounds]
        sections.append(Section("Listen", "Evenly spaced sentences.", players))
    sections.append(Section("Files", "What this page was made of.", [Links(files, path.parent)]))
    write_report(path, title, text, sections)


def _by(encoder: str, found: Findings, speech: Speech, plane: str) -> Sequence[Section]:
    by = f"by the {encoder}"
    natural = Trials.of(speech, NATURAL, encoder)
    scores = {f"{NATURAL}, other person": natural.other}
    rates = {f"{NATURAL} against other people": against(natural.own, natural.other)}
    for system in speech.measured:
        own = Trials.of(speech, system, encoder).own
        scores[system] = own
        if system != NATURAL:
            rates[f"{NATURAL} against {system}"] = against(natural.own, own)
    shown = {name: values[:: max(1, len(values) // 2000)] for name, values in scores.items()}
    charts = Charts([det_chart(rates), histogram_chart("Cosines", shown, "cosine", 0.05)])
    return [
        Section(f"Identity, {by}", IDENTITY, [figure_table("speech", found.identity)]),
        Section(f"On a plane, {by}", _about(plane), [_planes(speech, encoder, plane)]),
        Section(f"Traits, {by}", TRAITS, [figure_table("trait", found.traits)]),
        Section(f"Spoofing, {by}", SPOOFING, [figure_table("speech", found.spoofing), charts]),
    ]


def _about(plane: str) -> str:
    return f"By {plane}: neighbours are kept, distances between far points have no meaning."


def _planes(speech: Speech, encoder: str, method: str) -> Charts:
    """All systems' embeddings on one plane, coloured by system, by voice and by gender."""
    systems = list(speech.measured)
    points = on_a_plane(np.concatenate([speech.embeddings(s, encoder) for s in systems]), method)
    origin = np.repeat(systems, len(speech.owner)).tolist()
    people = [speech.voices[number] for number in speech.owner] * len(systems)
    genders = [voice.reference.gender or "unknown" for voice in people]
    return Charts(
        [
            scatter_chart("By system", points, origin),
            scatter_chart("By voice", points, [voice.speaker for voice in people]),
            scatter_chart("By gender", points, genders),
        ]
    )


def _example(speech: Speech, row: int) -> Example:
    voice = speech.voices[speech.owner[row]]
    return Example(
        f"Voice {voice.speaker}", f"Given to the systems: {voice.reference.id}", speech.sounds[row]
    )
