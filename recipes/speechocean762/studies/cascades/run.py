"""Overlapped speech by cascades and end to end: a line for each way of hearing.

    python -m recipes.speechocean762.studies.cascades.run DATA/test RECOGNISER
        --extractor CHECKPOINT [--outside faster-whisper:FOLDER] [--end-to-end CHECKPOINT] … OUT.md

RECOGNISER is a checkpoint with a recogniser of one person. It hears, as does the outside one, the
mixture as it is (counted as one output, and as everybody's), each person's voice extracted, the
mixture where the list (oracle) or a diarizer says that each person speaks. Beside them stand
recognisers of several people. Errors are concatenated minimum-permutation ones, cpWER, in phones
where a recogniser writes phones; the real-time factor is of everybody who speaks. With `--kept` a
further run hears nothing again.
"""

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zlib import crc32

import torch

from analysis.comparison import comparison_table
from joint import load
from joint.data.corpus import Corpus
from joint.errors import DataError
from joint.files import atomic_write, write_json
from joint.metrics.recognizers import load_recognizer
from joint.terminal import errors_in_one_line, quiet_libraries
from recipes.speechocean762.studies.cascades.kept import (
    Clock,
    KeptTranscripts,
    KeptVoices,
    checksum,
)
from recipes.speechocean762.studies.cascades.segments import (
    FoundSegments,
    ListedMixtures,
    between_pauses,
    whole,
)
from recipes.speechocean762.studies.cascades.systems import (
    Parts,
    Way,
    cascades,
    end_to_end,
    extractor_of,
    our_listener,
    outside_listener,
)
from tasks.diarization.inference import Diarizer
from tasks.diarization.segments import SileroSpeech
from tasks.recognition.conversations.cascades import silent
from tasks.recognition.conversations.lists import Conversations
from tasks.recognition.evaluate import check_enrolments, evaluate_recognition

COLUMNS = {
    "error_percent": "cp error %",
    "error_substitutions_percent": "substituted",
    "error_deletions_percent": "deleted",
    "error_insertions_percent": "inserted",
    "person_error_percent": "each to their enrolment %",
}
LAST = {"real_time_factor": "real-time factor"}
OVERLAP = "overlap "


def people_in(listed: Conversations) -> int:
    """How many speak in each mixture. Raises DataError where not the same in all, or one alone."""
    counts = sorted({len(row.turns) for row in listed})
    if len(counts) > 1 or counts[0] < 2:
        found = f"rows of {' and '.join(map(str, counts))} people"
        raise DataError(listed.path, found, "as many in every row, two or more")
    return counts[0]


def measured(
    ways: Mapping[str, Way],
    folder: Corpus,
    listed: Conversations,
    limit: int | None,
    kept: Path,
    clock: Clock,
) -> dict[str, dict[str, Any]]:
    """Figures of every way; `kept` has what is heard, and does not hear it again."""
    people, found = people_in(listed), {}
    for name, way in ways.items():
        label = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")
        path = kept / f"{label}-{crc32(repr((name, way.made_of)).encode()):08x}.jsonl"
        hear = KeptTranscripts(way.hear, path, clock, people)
        figures, _ = evaluate_recognition(
            hear, folder, listed, way.counting.truth, way.enrolled, limit=limit
        )
        figures["counted_in"] = way.counting.unit
        figures["real_time_factor"] = round(hear.real_time_factor, 4)
        found[name] = figures
        print(f"{name}: {figures['error_percent']:.1f} % of {way.counting.unit}", file=sys.stderr)
    return found


def table(found: Mapping[str, Mapping[str, Any]]) -> str:
    """A line a way, with its errors by how much people overlap."""
    groups = sorted(
        {name for each in found.values() for name in each["by_group"] if name.startswith(OVERLAP)}
    )
    columns = COLUMNS | {name: f"{name}, %" for name in groups} | LAST
    rows = {
        name: [
            {
                **{key: figures.get(key) for key in columns},
                **{
                    group: values["error_percent"]
                    for group, values in figures["by_group"].items()
                    if group in groups
                },
            }
        ]
        for name, figures in found.items()
    }
    further = {
        heading: {name: str(figures[key]) for name, figures in found.items()}
        for key, heading in (("counted_in", "counted in"), ("conversations", "conversations"))
    }
    return comparison_table("way", columns, rows, further)


def compare(
    data: Path,
    recogniser: str,
    extractor: str,
    mixtures: Path | None = None,
    encoder: str | None = None,
    outside: str | None = None,
    several: Sequence[str] = (),
    limit: int | None = None,
    kept: Path | None = None,
    threshold: float | None = None,
) -> dict[str, dict[str, Any]]:
    """Figures of every way, on the first `limit` rows. `encoder` embeds what is diarized, the
    extractor's where there is none, and `threshold` replaces its diarization threshold; `several`
    are checkpoints with recognisers of several people.

    Raises JointError.
    """
    if limit is not None and limit < 1:
        raise DataError("limit", str(limit), "at least 1 mixture")
    folder = Corpus.load(data)
    listed = Conversations.load(mixtures or data / "mix2_recognition.csv")
    listed.check(folder)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    people, clock, opened = people_in(listed), Clock(), cache(partial(load, device=device))
    extracting, embedding = opened(extractor), opened(encoder or extractor)
    # What is missing is said now, not after an hour's work on the rest.
    check_enrolments(listed, listed.rows[:limit])
    extract, speech = extractor_of(extracting), SileroSpeech()
    listeners = [our_listener(opened(recogniser), data, folder)]
    if outside is not None:
        listeners.append(outside_listener(load_recognizer(outside), outside, folder))
    others = [end_to_end(opened(given), given, data, folder) for given in several]
    pauses = between_pauses(data)
    spoken = ListedMixtures(listed.rows[:limit], folder)
    oracles = {"recordings": (spoken.segments(whole), "recordings")}
    if pauses is not None:
        oracles["words"] = (spoken.segments(pauses[0]), pauses[1])
    with TemporaryDirectory() as temporary:
        place = kept or Path(temporary)
        voices = KeptVoices(extract, place / f"voices-{checksum(extracting.path)}", clock)
        diarizer = Diarizer(
            embedding.embed,
            embedding.diarization_threshold if threshold is None else threshold,
        )
        found = FoundSegments(diarizer, speech, clock)
        parts = Parts(
            people,
            voices,
            checksum(extracting.path),
            oracles,
            found,
            checksum(embedding.path),
            clock,
        )
        ways = {"nothing heard": Way(silent, listeners[0].counting, ())}
        for each in (*(cascades(listener, parts) for listener in listeners), *others):
            ways |= each
        return measured(ways, folder, listed, limit, place, clock)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="a prepared folder, such as DATA/test")
    parser.add_argument("recogniser", help="a checkpoint with a recogniser of one person")
    parser.add_argument("output", type=Path, help="a Markdown file to write")
    parser.add_argument("--extractor", required=True, help="a checkpoint, or a shipped one's name")
    parser.add_argument("--encoder", help="the checkpoint that diarizes, else the extractor's")
    parser.add_argument("--mixtures", type=Path, help="else DATA's mix2_recognition.csv")
    parser.add_argument("--outside", metavar="R", help="faster-whisper:FOLDER too")
    parser.add_argument(
        "--end-to-end",
        action="append",
        default=[],
        metavar="CHECKPOINT",
        help="with recognisers of several people; may be repeated",
    )
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N mixtures")
    parser.add_argument(
        "--cluster-threshold", type=float, metavar="T", help="of the windows of one speaker"
    )
    parser.add_argument("--kept", type=Path, help="a folder for voices and transcripts")
    parser.add_argument("--json", type=Path, help="write all figures, as JSON")
    given = parser.parse_args(arguments)
    quiet_libraries()
    with errors_in_one_line():
        found = compare(
            given.data,
            given.recogniser,
            given.extractor,
            given.mixtures,
            given.encoder,
            given.outside,
            given.end_to_end,
            given.limit,
            given.kept,
            given.cluster_threshold,
        )
        written = table(found)
        atomic_write(given.output, written)
        if given.json is not None:
            write_json(given.json, found)
        print(written)


if __name__ == "__main__":
    main()
