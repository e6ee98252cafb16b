"""Recognition of overlapped speech by cascades and by end-to-end models.

    python -m recipes.speechocean762.studies.cascades.run DATA/test RECOGNISER
        --extractor CHECKPOINT [--outside faster-whisper:FOLDER] [--end-to-end CHECKPOINT] … OUT.md

RECOGNISER is a checkpoint with a single-speaker recogniser. It, and the external one, transcribe
the mixture itself (scored as one output, and as the output of every speaker), the extracted voice
of each speaker, and the segments of each speaker by the list (oracle) or by a diarizer. For
comparison, multi-speaker recognisers. Errors are cpWER, of phones where a recogniser has phones;
the real-time factor is for all speakers. With `--kept` a further run computes only what is missing.
"""

import re
import sys
from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zlib import crc32

import torch

from joint import load
from joint.data.corpus import Corpus
from joint.data.opening import open_corpus
from joint.errors import DataError
from joint.experiments.tables import comparison_table
from joint.files import atomic_write, checksum, write_json
from joint.inspection.speech import SileroSpeech
from joint.metrics.recognizers import load_recognizer
from joint.terminal import errors_in_one_line
from recipes.speechocean762.studies.cascades.segments import (
    FoundSegments,
    ListedMixtures,
    between_pauses,
    whole,
)
from recipes.speechocean762.studies.cascades.systems import (
    Parts,
    System,
    cascades,
    end_to_end,
    external_recogniser,
    extractor_of,
    own_recogniser,
)
from recipes.speechocean762.studies.command import study_parser
from tasks.diarization.pipeline import Diarizer
from tasks.recognition.conversations.cascades import silent
from tasks.recognition.conversations.kept import (
    Clock,
    KeptTranscripts,
    KeptVoices,
)
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
    """The number of speakers in each mixture. Raises DataError where it varies or is one."""
    counts = sorted({len(row.turns) for row in listed})
    if len(counts) > 1 or counts[0] < 2:
        found = f"rows of {' and '.join(map(str, counts))} speakers"
        raise DataError(listed.path, found, "the same number in every row, two or more")
    return counts[0]


def measured(
    systems: Mapping[str, System],
    folder: Corpus,
    listed: Conversations,
    limit: int | None,
    kept: Path,
    clock: Clock,
) -> dict[str, dict[str, Any]]:
    """Figures of every system; transcripts in the folder `kept` are not computed again."""
    people, found = people_in(listed), {}
    for name, system in systems.items():
        label = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")
        path = kept / f"{label}-{crc32(repr((name, system.depends_on)).encode()):08x}.jsonl"
        transcribe = KeptTranscripts(system.transcribe, path, clock, people)
        figures, _ = evaluate_recognition(
            transcribe, folder, listed, system.counting.reference, system.enrolled, limit=limit
        )
        figures["counted_in"] = system.counting.unit
        figures["real_time_factor"] = round(transcribe.real_time_factor, 4)
        found[name] = figures
        print(
            f"{name}: {figures['error_percent']:.1f} % of {system.counting.unit}", file=sys.stderr
        )
    return found


def table(found: Mapping[str, Mapping[str, Any]]) -> str:
    """A row for each system, with its errors by overlap."""
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
    return comparison_table("system", columns, rows, further)


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
    """Figures of every system on the first `limit` rows. `encoder` is the checkpoint for the
    diarizer, the extractor's by default, and `threshold` replaces its diarization threshold;
    `several` are checkpoints with multi-speaker recognisers.

    Raises JointError.
    """
    if limit is not None and limit < 1:
        raise DataError("limit", str(limit), "at least 1 mixture")
    folder = open_corpus(data)
    listed = Conversations.load(mixtures or data / "mix2_recognition.csv")
    listed.check(folder)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    people, clock, opened = people_in(listed), Clock(), cache(partial(load, device=device))
    extracting, embedding = opened(extractor), opened(encoder or extractor)
    # missing enrolments are reported before anything is computed
    check_enrolments(listed, listed.rows[:limit])
    extract, speech = extractor_of(extracting), SileroSpeech()
    recognisers = [own_recogniser(opened(recogniser), data, folder)]
    if outside is not None:
        recognisers.append(external_recogniser(load_recognizer(outside), outside, folder))
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
        systems = {"empty output": System(silent, recognisers[0].counting, ())}
        for each in (*(cascades(single, parts) for single in recognisers), *others):
            systems |= each
        return measured(systems, folder, listed, limit, place, clock)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = study_parser(__doc__)
    parser.add_argument("data", type=Path, help="a prepared folder, such as DATA/test")
    parser.add_argument("recogniser", help="a checkpoint with a single-speaker recogniser")
    parser.add_argument("output", type=Path, help="a Markdown file to write")
    parser.add_argument("--extractor", required=True, help="a checkpoint, or a shipped one's name")
    parser.add_argument(
        "--encoder", help="a checkpoint for the diarizer (default: the extractor's)"
    )
    parser.add_argument(
        "--mixtures", type=Path, help="a list of mixtures (default: DATA/mix2_recognition.csv)"
    )
    parser.add_argument(
        "--outside", metavar="R", help="an external recogniser, faster-whisper:FOLDER"
    )
    parser.add_argument(
        "--end-to-end",
        action="append",
        default=[],
        metavar="CHECKPOINT",
        help="a checkpoint with multi-speaker recognisers; may be repeated",
    )
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N mixtures")
    parser.add_argument(
        "--cluster-threshold", type=float, metavar="T", help="cosine threshold of the diarizer"
    )
    parser.add_argument("--kept", type=Path, help="a folder for voices and transcripts")
    parser.add_argument("--json", type=Path, help="write all figures, as JSON")
    given = parser.parse_args(arguments)
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
