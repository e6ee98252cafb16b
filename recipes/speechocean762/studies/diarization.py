"""Diarization error rates on conversations of two speakers, composed of the corpus.

    python -m recipes.speechocean762.studies.diarization DATA/test speechocean762-librispeech-joint

DATA/test must be aligned (`joint align`): a reference turn is a stretch of words without a pause of
0.3 s. In a conversation, two speakers of the folder read whole utterances alternately, as recorded:
without overlap, or each starting at 15 to 100 % of the previous one as in `mix2_recognition.csv`,
but after the end of the same speaker's last utterance. With `--cohort DATA/train` windows are also
clustered by VBx, whose model is fitted on that folder. With `--ts-vad` the speakers that each way
finds are looked for again by the checkpoint's task `activity`, where they may overlap. With
`--segmentation` its task of that name finds overlap, in which each way has a second speaker, and
local speakers, which each way clusters in place of windows (powerset); it needs no other speech
detection.
"""

from collections.abc import Sequence
from pathlib import Path

from joint import load
from joint.conversation.turns import Turn, write_turns
from joint.data.opening import open_corpus
from joint.experiments.tables import comparison_table
from joint.inspection.speech import SileroSpeech
from joint.terminal import errors_in_one_line
from joint.training.progress import shown
from recipes.speechocean762.studies.command import study_parser
from recipes.speechocean762.studies.conversations import OVERLAPPING, compose
from recipes.speechocean762.studies.diarization_ways import diarized_by, stitched_by, ways
from tasks.diarization.evaluate import evaluate_diarization
from tasks.diarization.pipeline import Diarizer
from tasks.diarization.segments import oracle_speech
from tasks.diarization.stitching import within

COLLAR = 0.25
"""On either side of a start or end, as NIST's md-eval counts it."""
COLUMNS = {
    "der_percent": "DER %",
    "missed_percent": "missed",
    "false_alarm_percent": "false alarm",
    "confusion_percent": "confused",
    "number_right_percent": "number right %",
    "collar": f"DER %, collar {COLLAR:g} s",
}


def compare(
    folder: Path,
    checkpoint: str,
    count: int,
    utterances: int,
    seed: int,
    output: Path | None,
    cohort: Path | None = None,
    ts_vad: bool = False,
    segmentation: bool = False,
    threshold: float | None = None,
) -> str:
    """A table with a row for each kind of conversation, speech segmentation (reference or Silero),
    and way to find the number of speakers; references and estimates are written to `output` as
    SegLST.

    Raises JointError.
    """
    tasks = [*["activity"] * ts_vad, *["segmentation"] * segmentation]
    corpus, model, silero = open_corpus(folder), load(checkpoint, tasks=tasks), SileroSpeech()
    again = model.second_pass() if ts_vad else None
    segment = model.local_speakers() if segmentation else None
    diarizer = Diarizer(
        model.embed, model.diarization_threshold if threshold is None else threshold
    )
    vbx = None
    if cohort is not None:
        vbx = model.vbx(open_corpus(cohort), threshold, progress=True)
    chosen = ways(diarizer.threshold, vbx)
    measured = {}
    for kind, shares in (("in turn", None), ("overlapping", OVERLAPPING)):
        reference: dict[str, list[Turn]] = {}
        estimates: dict[str, dict[str, list[Turn]]] = {}
        for each in shown(
            compose(corpus, count, utterances, shares, seed), kind, True, total=count
        ):
            reference[each.name] = each.turns
            found = {"reference": oracle_speech(each.turns), "silero": silero(each.waveform)}
            local = None if segment is None else segment(each.waveform)
            if local is not None:
                whole = stitched_by(diarizer, each.waveform, local, chosen)
                for way, turns in whole.items():
                    name = f"{kind}, speech by segmentation, {way}"
                    estimates.setdefault(name, {})[each.name] = turns
            for source, speech in found.items():
                diarized = diarized_by(diarizer, each.waveform, speech, chosen, local)
                if local is not None and source == "reference":
                    diarized |= stitched_by(diarizer, each.waveform, within(local, speech), chosen)
                if again is not None:
                    diarized |= {
                        f"{way}, TS-VAD": again(each.waveform, turns)
                        for way, turns in diarized.items()
                    }
                for way, turns in diarized.items():
                    name = f"{kind}, speech by {source}, {way}"
                    estimates.setdefault(name, {})[each.name] = turns
        for name, estimate in estimates.items():
            near = evaluate_diarization(reference, estimate, 2 * COLLAR)["der_percent"]
            measured[name] = [evaluate_diarization(reference, estimate) | {"collar": near}]
        if output is not None:
            for name, sessions in {f"{kind}, reference": reference, **estimates}.items():
                write_turns(output / f"{name}.json", sessions)
    return comparison_table("conversations", COLUMNS, measured)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = study_parser(__doc__)
    parser.add_argument("data", type=Path, help="an aligned folder, such as DATA/test")
    parser.add_argument("checkpoint", help="a checkpoint, or the name of a shipped one")
    parser.add_argument("--count", type=int, default=50, help="conversations of each kind")
    parser.add_argument("--utterances", type=int, default=4, help="in each conversation")
    parser.add_argument("--seed", type=int, default=762)
    parser.add_argument("--output", type=Path, help="a folder for references and estimates")
    parser.add_argument("--cohort", type=Path, help="labelled speakers to fit VBx on")
    parser.add_argument("--ts-vad", action="store_true", help="a second pass, too")
    parser.add_argument("--segmentation", action="store_true", help="overlap and powerset, too")
    parser.add_argument("--cluster-threshold", type=float, metavar="T", help="of windows' cosines")
    given = parser.parse_args(arguments)
    chosen = given.count, given.utterances, given.seed, given.output, given.cohort
    heads = given.ts_vad, given.segmentation, given.cluster_threshold
    print(compare(given.data, given.checkpoint, *chosen, *heads))


if __name__ == "__main__":
    with errors_in_one_line():
        main()
