"""A study of synthetic voices by several encoders."""

from collections.abc import Mapping
from dataclasses import dataclass

from analysis.synthesis.identity import identity
from analysis.synthesis.spoofing import spoofing
from analysis.synthesis.traits import traits
from analysis.synthesis.voices import Speech

Table = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Findings:
    """What one encoder finds: see the functions of the same names."""

    identity: Table
    traits: Table
    spoofing: Table


def study(speech: Speech, thresholds: Mapping[str, float | None]) -> dict[str, Findings]:
    """The findings of each encoder in `thresholds`, which are those of its verification; None where
    an encoder has none."""
    return {
        encoder: Findings(
            identity(speech, encoder),
            traits(speech, encoder),
            spoofing(speech, encoder, threshold),
        )
        for encoder, threshold in thresholds.items()
    }
