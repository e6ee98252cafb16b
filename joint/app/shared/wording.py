"""Results in words, as the commands print them and the page shows them."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from joint.units import SAMPLE_RATE

if TYPE_CHECKING:
    from analysis.saliency.explanation import Explanation
    from joint.app.results import Candidate, Extraction, Identification, Verification
    from joint.conversation.turns import Turn
    from joint.inspection.properties import Properties
    from tasks.verification.enrolment.database import EnrolledRecording


def verification_text(result: "Verification", calibrated: bool) -> str:
    """Score, decision and probability of a verification; `calibrated`: by a checkpoint with a
    calibration, so that a probability that is withheld has a reason."""
    from joint.inspection.domain import NO_SPEECH

    least, same = result.threshold, result.same
    if least is None:
        return f"score {result.score:.4f} (the checkpoint has no threshold: give --threshold)"
    if same is None:
        return f"score {result.score:.4f} no decision: {NO_SPEECH} (threshold {least:.4f})"
    answer = "same" if same else "different"
    chance = probability_text(result.probability, result.withheld, calibrated)
    return f"score {result.score:.4f} {answer}{chance} (threshold {least:.4f})"


def identification_text(found: "Identification", calibrated: bool) -> str:
    """The identified speaker, or an unknown one and who is most like it."""
    best = found.best
    answer = found.speaker or f"unknown speaker, best match {best.name}"
    return f"{answer}: {candidate_text(best, calibrated)} (threshold {found.threshold:.4f})"


def candidate_text(match: "Candidate", calibrated: bool) -> str:
    """Score and probability of an enrolled speaker."""
    chance = probability_text(match.probability, match.withheld, calibrated)
    return f"score {match.score:.4f}{chance}"


def probability_text(probability: float | None, withheld: str | None, calibrated: bool) -> str:
    """A probability after a score; why there is none, where a checkpoint with a calibration cannot
    judge a recording."""
    if probability is not None:
        return f", probability {probability:.3f}"
    return f", probability withheld: {withheld}" if withheld and calibrated else ""


def presence_text(result: "Extraction") -> str:
    """Whether the enrolled speaker is in the mixture; empty where the checkpoint cannot tell."""
    if result.present is None:
        return ""
    shown = "" if result.presence is None else f" (score {result.presence:.1f})"
    return f"{'present' if result.present else 'not present'}{shown}"


def enrolled_text(name: str, enrolled: "Sequence[EnrolledRecording]") -> str:
    """How many recordings of a speaker are enrolled, how long, and which."""
    total = sum(recording.seconds for recording in enrolled)
    listed = ", ".join(f"{recording.file} {recording.seconds:.1f} s" for recording in enrolled)
    return f"{name}: {count_text(len(enrolled), 'recording')}, {total:.1f} s ({listed})"


def count_text(count: int, what: str) -> str:
    """A number with its noun, which takes an s."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def turns_text(turns: "Sequence[Turn]") -> str:
    """The number of turns, and the seconds of each speaker."""
    from joint.conversation.timeline import speakers_of

    if not turns:
        return "no turns"
    seconds = {
        who: sum(t.end - t.start for t in turns if t.speaker == who) / SAMPLE_RATE
        for who in speakers_of(turns)
    }
    listed = ", ".join(f"{who} {length:.1f} s" for who, length in seconds.items())
    return f"{len(turns)} turns ({listed})"


def gains_text(found: "Explanation") -> str:
    """The score that a saliency map explains, and how much better than chance the map is."""
    return (
        f"score {found.score:.3f}; against random order, deletion "
        f"{found.curves.deletion_gain:+.3f}, insertion {found.curves.insertion_gain:+.3f}"
    )


def properties_text(p: "Properties") -> Iterator[tuple[str, str]]:
    """What was measured of a recording: each property's name, and its value with the unit."""
    yield "duration", f"{p.seconds:.2f} s"
    yield "stored", f"{p.sample_rate} Hz, {count_text(p.channels, 'channel')}"
    yield "content", p.content
    yield "speech", f"{p.speech_seconds:.2f} s"
    yield "bandwidth", f"{p.bandwidth_hertz / 1000:.1f} kHz"
    yield "level", f"{p.level_db:.0f} dB of full scale"
    yield "SNR", "-" if p.snr_db is None else f"{p.snr_db:.0f} dB"
    yield "clipped", f"{100 * p.clipped_share:.2f} %"
    yield "digital silence", f"{100 * p.zeros_share:.1f} %"
    yield "DC offset", f"{p.dc_offset:.4f}"
    yield "cancelled channels", f"{p.cancelled_db:.0f} dB"
