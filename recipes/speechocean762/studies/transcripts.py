"""Error rates of transcripts with speakers, with and without extraction where speech overlaps.

    python -m recipes.speechocean762.studies.transcripts FOLDER CHECKPOINT --pipeline powerset

FOLDER is what `recipes.speechocean762.studies.conversations` wrote. CHECKPOINT has a recogniser of
phones (`--words`: of words) and the pipeline's tasks; one of mode `single` also an extractor. Rows:
the words of a window are those of whom the pipeline finds then (`joint transcribe --pipeline`, mode
`single`); the recording turn by turn; each speaker extracted where others overlap (`--separate`),
or followed by a recogniser of mode `target`; and both with the reference's turns. Names are those
of `FOLDER/enrolled`. Transcripts are written to `--output` as SegLST.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from joint import SpeakerModel, load
from joint.audio import read_audio
from joint.conversation.turns import Turn, read_turns, write_turns
from joint.data.choices import Pipeline
from joint.errors import DataError
from joint.experiments.tables import comparison_table
from joint.terminal import errors_in_one_line
from joint.training.precision import autocast_for
from joint.training.progress import shown
from recipes.speechocean762.studies.command import study_parser
from tasks.diarization.transcripts import evaluate_transcripts
from tasks.recognition.conversations.attribution import spoken_in
from tasks.recognition.conversations.cascades import Extract
from tasks.recognition.conversations.separation import followed, separated
from tasks.recognition.decoding.timing import timed_words
from tasks.recognition.select import recogniser

COLUMNS = {
    "cp_word_error_percent": "cp error %",
    "cp_word_error_substitutions_percent": "substituted",
    "cp_word_error_deletions_percent": "deleted",
    "cp_word_error_insertions_percent": "inserted",
    "named_word_error_percent": "by name %",
    "der_percent": "DER %",
}

Way = Callable[[np.ndarray, Sequence[Turn]], list[Turn]]
"""A waveform `(S,)` and turns to turns with words."""


def ways(model: SpeakerModel, task: str, follows: bool) -> dict[str, Way]:
    """Turn by turn: as recorded and extracted, or followed."""

    def words(mixture: np.ndarray, *enrolment: np.ndarray) -> list[str]:
        return model.transcribe(mixture, enrolment, None, task)[0]

    def by(extract: Extract) -> Way:
        return lambda waveform, turns: separated(waveform, turns, extract, words)

    if follows:
        return {"followed": lambda waveform, turns: followed(waveform, turns, words)}
    return {"as recorded": by(lambda mixture, _: mixture), "extracted": by(model.estimate)}


def compare(
    folder: Path, checkpoint: str, pipeline: Pipeline, words: bool, output: Path | None
) -> str:
    """The table. Raises JointError."""
    reference = read_turns(folder / ("words.json" if words else "phones.json"))
    model = load(checkpoint)
    name, head = recogniser(model.model, model.path)
    follows = "enrollment" in head.requires
    diarizer = model.diarizer(pipeline)
    enrolled = {
        path.stem: model.embed([path]) for path in sorted((folder / "enrolled").glob("*.wav"))
    }
    if not enrolled or model.threshold is None:
        raise DataError(folder, "nobody enrolled, or no threshold", "recordings in `enrolled`")
    found: dict[str, dict[str, list[Turn]]] = {}
    for session, known in shown(reference.items(), "transcribing", True):
        waveform = read_audio(folder / f"{session}.wav")
        turns = diarizer(waveform, None, None, enrolled, model.threshold)
        if not follows:
            view, audio = model.model.view(name), torch.from_numpy(waveform)
            with torch.inference_mode(), autocast_for(model.precision, model.device):
                words_then = spoken_in(timed_words(head, view, audio), turns)
            found.setdefault("words of who talks then", {})[session] = words_then
        for way, transcribe in ways(model, name, follows).items():
            found.setdefault(f"turn by turn, {way}", {})[session] = transcribe(waveform, turns)
            oracle = f"reference's turns, {way}"
            found.setdefault(oracle, {})[session] = transcribe(waveform, known)
    if output is not None:
        for way, sessions in found.items():
            write_turns(output / f"{way}.json", sessions)
    measured: Mapping[str, list[dict[str, Any]]] = {
        way: [evaluate_transcripts(reference, sessions)] for way, sessions in found.items()
    }
    return comparison_table(f"--pipeline {pipeline.value}", COLUMNS, measured)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = study_parser(__doc__)
    parser.add_argument("folder", type=Path, help="conversations with references")
    parser.add_argument("checkpoint", help="one with a recogniser")
    parser.add_argument("--pipeline", type=Pipeline, default=Pipeline.CLUSTERING)
    parser.add_argument("--words", action="store_true", help="the recogniser writes words")
    parser.add_argument("--output", type=Path, help="a folder for the transcripts")
    given = parser.parse_args(arguments)
    print(compare(given.folder, given.checkpoint, given.pipeline, given.words, given.output))


if __name__ == "__main__":
    with errors_in_one_line():
        main()
