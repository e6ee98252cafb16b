"""The recordings that a checkpoint can judge: bounds of properties, kept in its metadata."""

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joint.audio import IN_PHASE, AudioWarning
from joint.errors import AudioError, CheckpointError
from joint.inspection.properties import SPEECH, Properties
from joint.inspection.reading import InspectedRecording
from joint.units import Seconds

KEY = "domain"
"""Of the metadata: a mapping from properties to their bounds [low, high], null for none."""

ENROLMENT_SPEECH: Seconds = 1.0
"""Least speech in a recording to enrol. Barks, cries, sneezes and chainsaws pass for up to 0.92 s
of speech (400 sounds of ESC-10), and of 283 sentences of training speakers of speechocean762 all
have more than 1.05 s. Cut to 1.5, 1, 0.75 and 0.5 s of speech on one side of the validation trials,
the threshold for whole sentences misses 12, 23, 39 and 61 % of the targets."""

EXTRACTION_SPEECH: Seconds = 0.5
"""Least speech in the enrolment of one extraction, which nothing keeps."""

SYNTHESIS_SPEECH: Seconds = 1.0
"""Least speech in the enrolment of a synthetic voice."""

NO_SPEECH = "no speech"
CANCELLED = "cancelled_db"

Bounds = tuple[float | None, float | None]


@dataclass(frozen=True)
class Finding:
    """A property outside its bounds: the name of the flaw, and what was found and expected."""

    flaw: str
    text: str


@dataclass(frozen=True)
class Kind:
    """A property that may lie outside its bounds: the name of the flaw, what a value means, and the
    value with its unit."""

    flaw: str
    meaning: str
    number: str
    scale: float = 1.0

    def shown(self, value: float) -> str:
        """`value` with its unit."""
        return self.number.format(self.scale * value)

    def finding(self, value: float, limit: str) -> Finding:
        """The finding of a `value` beyond a `limit`."""
        found = self.meaning.format(self.shown(value))
        return Finding(self.flaw, f"{self.flaw} ({found}; expected {limit})")


KINDS = {
    "speech_seconds": Kind("little speech", "{} of speech", "{:.1f} s"),
    "bandwidth_hertz": Kind("narrow band", "sound up to {}", "{:.1f} kHz", 1e-3),
    "clipped_share": Kind("clipped", "{} of the samples", "{:.1f} %", 100),
    "zeros_share": Kind("digital silence", "{} of the recording", "{:.0f} %", 100),
    "snr_db": Kind("noise", "an SNR of {}", "{:.0f} dB"),
    CANCELLED: Kind("cancelled channels", "the mono mix is {} too low", "{:.0f} dB"),
}
"""Properties that a domain may bound."""

DEFAULT: Mapping[str, Bounds] = {
    "speech_seconds": (ENROLMENT_SPEECH, None),
    "bandwidth_hertz": (6500.0, None),
    "clipped_share": (None, 0.01),
    "zeros_share": (None, 0.02),
    CANCELLED: (None, 6.0),
}
"""Bounds of a checkpoint whose metadata has none: recordings as clean corpora have them."""


@dataclass(frozen=True)
class Domain:
    """The bounds within which the scores of a checkpoint mean what its threshold and calibration
    say. Outside of them a score comes with a warning and without a probability."""

    bounds: Mapping[str, Bounds]

    @classmethod
    def of(cls, metadata: Mapping[str, Any], path: str | Path = "checkpoint") -> "Domain":
        """The domain in a checkpoint's `metadata`; properties that it does not name keep `DEFAULT`.

        Raises CheckpointError for an unknown property, and for bounds that are not [low, high].
        """
        given = metadata.get(KEY) or {}
        if not isinstance(given, Mapping):
            raise CheckpointError(path, f"{KEY} {given!r}", "a mapping from properties to bounds")
        bounds = dict(DEFAULT)
        for name, value in given.items():
            if name not in KINDS:
                raise CheckpointError(path, f"{KEY}.{name}", f"one of {', '.join(KINDS)}")
            bounds[name] = _bounds(value, f"{KEY}.{name}", path)
        return cls(bounds)

    def findings(self, properties: Properties) -> list[Finding]:
        """What of a recording lies outside; of one without speech, that, and whether its channels
        cancel each other, which may be why."""
        values = properties.as_dict()
        if properties.content == SPEECH:
            return self.outside(values)
        silent = Finding(NO_SPEECH, f"{NO_SPEECH} ({properties.content})")
        return [silent, *self.outside({CANCELLED: values[CANCELLED]})]

    def outside(self, values: Mapping[str, Any]) -> list[Finding]:
        """Which properties, by name, lie outside; those that `values` lacks do not."""
        found = []
        for name, (low, high) in self.bounds.items():
            kind, value = KINDS[name], values.get(name)
            if value is None:
                continue
            if low is not None and value < low:
                found.append(kind.finding(value, f"at least {kind.shown(low)}"))
            elif high is not None and value > high:
                found.append(kind.finding(value, f"at most {kind.shown(high)}"))
        return found

    def warn(self, recording: InspectedRecording) -> list[Finding]:
        """Findings of a recording, after an AudioWarning that names them in one line."""
        found = self.findings(recording.properties)
        if found:
            text = "; ".join(finding.text for finding in found)
            warnings.warn(f"{recording.where}: {text}", AudioWarning, stacklevel=3)
        return found


def refuse_enrolment(recording: InspectedRecording, least: Seconds = ENROLMENT_SPEECH) -> None:
    """Raise AudioError for a recording that cannot be an enrolment: with less than `least` of
    speech, or with channels that cancel each other."""
    properties = recording.properties
    most = DEFAULT[CANCELLED][1]
    if most is not None and properties.cancelled_db > most:
        found = f"a mono mix {properties.cancelled_db:.0f} dB too low: cancelled channels"
        raise AudioError(recording.where, found, IN_PHASE)
    enough = f"at least {least:g} s of speech to enrol"
    if properties.content != SPEECH:
        raise AudioError(recording.where, f"{NO_SPEECH} ({properties.content})", enough)
    if properties.speech_seconds < least:
        raise AudioError(recording.where, f"{properties.speech_seconds:.2f} s of speech", enough)


def _bounds(value: Any, where: str, path: str | Path) -> Bounds:
    pair = list(value) if isinstance(value, list | tuple) else []
    numbers = [v for v in pair if v is not None]
    fine = all(type(v) in (int, float) and math.isfinite(v) for v in numbers)
    if len(pair) != 2 or not fine or (len(numbers) == 2 and numbers[0] > numbers[1]):
        raise CheckpointError(path, f"{where} {value!r}", "[low, high], null for no bound")
    low, high = (None if v is None else float(v) for v in pair)
    return low, high
