"""Tables of figures in Markdown."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from joint.experiments.ablation import Grid

Figures = Mapping[str, float | None]

EER_OF, PROBE_OF = "eer_percent on {}", "probe of {}"
"""Keys of the figures that a grid's `measures` names: EERs on other trials and under conditions,
and what probes find in the embeddings."""

COLUMNS = {
    "eer_percent": "EER %",
    "min_dcf_p01": "minDCF 0.01",
    "min_dcf_p05": "minDCF 0.05",
    "phone_head_percent": "phones of frames %",
    "phone_probe_percent": "phones of frames, probed %",
    "embedding_phones_percent": "phones in embedding % (chance 50)",
    "error_percent": "cp error %",
    "error_substitutions_percent": "substituted",
    "error_deletions_percent": "deleted",
    "error_insertions_percent": "inserted",
    "person_error_percent": "target error %",
    "foreign_share": "foreign words",
    "silent_share": "silent when absent",
    "si_sdr_improvement_db": "SI-SDRi dB",
    "wrong_speaker_share": "wrong speaker",
    "mixtures_trained_per_second": "mixtures trained/s",
    "extractor_million_parameters": "M parameters of the extractor",
    "extractor_billion_macs_per_second": "G MACs/s",
    "extractor_real_time_factor": "real-time factor",
    "cosine_drift": "cosine drift",
    "linear_cka": "CKA with the first encoder",
    "synthesis_wer_percent": "synthesis WER %",
    "synthesis_judge_similarity_own": "similarity, judge",
    "synthesis_encoder_gap_percent": "gap %, own encoder",
    "synthesis_judge_gap_percent": "gap %, judge",
    "conversion_wer_percent": "conversion WER %",
    "conversion_judge_nearer_to_target_percent": "nearer to target %, judge",
    "natural_wer_percent": "natural WER %",
    "encoder_million_parameters": "M parameters",
    "thousand_scenes_trained": "1000 scenes trained",
    "embeddings_per_second": "embeddings/s",
}
"""Figures of a grid's runs and their headings, in the order of the table."""


def columns_of(measured: Mapping[str, Sequence[Figures]]) -> dict[str, str]:
    """`COLUMNS`, and behind them what `measures` of the grid have named."""
    keys = dict.fromkeys(key for runs in measured.values() for run in runs for key in run)
    eers, probes = (
        {key: key.replace(*words, 1) for key in keys if key.startswith(start)}
        for start, words in (
            (EER_OF.format(""), ("eer_percent", "EER %")),
            (PROBE_OF.format(""), ("probe", "probe")),
        )
    )
    return COLUMNS | eers | probes


def measured_figures(grid: Grid) -> dict[str, list[dict[str, float | None]]]:
    """The figures of the grid's finished runs, by variant."""
    found: dict[str, list[dict[str, float | None]]] = {}
    for run in grid.runs():
        if (figures := run.figures()) is not None:
            found.setdefault(run.variant, []).append(figures)
    return found


def comparison_rows(
    first_column: str,
    columns: Mapping[str, str],
    measured: Mapping[str, Sequence[Figures]],
    further: Mapping[str, Mapping[str, str]] | None = None,
) -> list[list[str]]:
    """A heading, then a row for each of `measured`, with a column for each of `columns` (key of the
    figure to heading) that any of them has.

    Several measurements of one row, such as seeds, are shown as mean ± standard deviation.
    `further` are columns of text, by heading and row.
    """
    more = further or {}
    shown = {
        key: heading
        for key, heading in columns.items()
        if any(values(key, each) for each in measured.values())
    }
    rows = [[first_column, *shown.values(), *more]]
    for name, each in measured.items():
        texts = [column.get(name, "–") for column in more.values()]
        rows.append([name, *(cell(values(key, each)) for key in shown), *texts])
    return rows


def comparison_table(
    first_column: str,
    columns: Mapping[str, str],
    measured: Mapping[str, Sequence[Figures]],
    further: Mapping[str, Mapping[str, str]] | None = None,
) -> str:
    """What `comparison_rows` gives as a Markdown table."""
    heading, *rows = comparison_rows(first_column, columns, measured, further)
    lines = [heading, ["---"] * len(heading), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def values(key: str, measured: Sequence[Figures]) -> list[float]:
    """The figure `key` of every measurement that has a finite one."""
    found = (figures.get(key) for figures in measured)
    return [value for value in found if value is not None and math.isfinite(value)]


def cell(numbers: Sequence[float]) -> str:
    """Mean and, where the numbers differ, standard deviation; – for no number."""
    if not numbers:
        return "–"
    mean = rounded(float(np.mean(numbers)))
    if len(set(numbers)) == 1:
        return mean
    return f"{mean} ± {rounded(float(np.std(numbers, ddof=1)))}"


def rounded(number: float) -> str:
    """Three significant digits; from 100 on, a whole number."""
    return f"{number:.0f}" if abs(number) >= 100 else f"{number:#.3g}".rstrip(".")
