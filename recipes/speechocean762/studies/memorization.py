"""Overfitting test of the recogniser: word error rate on the twenty utterances of its training.

    python -m recipes.speechocean762.studies.memorization DATA/train OUT

Trains on four utterances of each of five speakers, in characters, with `recognition.yaml` without
augmentation and regularisation. A killed run is resumed.
"""

from collections.abc import Sequence
from pathlib import Path

from joint import load
from joint.audio import read_audio
from joint.data.opening import open_corpus
from joint.data.prepare.subset import write_subset
from joint.errors import DataError
from joint.metrics.words import concatenated_errors, total
from joint.terminal import errors_in_one_line
from joint.training.run import train
from pretrained.names import named_checkpoint
from recipes.speechocean762.studies.command import study_parser

RECIPE = Path(__file__).parents[1] / "recognition.yaml"
SPEAKERS, EACH = 5, 4
PLAIN = (
    "tasks.recognition.task.units._target_=joint.text.units.CharacterUnits",
    "tasks.recognition.task.core.dropout=0.0",
    "tasks.recognition.task.core.frontend.spec_augment.probability=0.0",
    "streams.utterances.scenes.speeds=[1.0]",
    "streams.utterances.scenes.noise_probability=0.0",
    "streams.utterances.scenes.channel_probability=0.0",
    "streams.utterances.batch_size=10",
    "streams.utterances.scenes.similar=10",
    "optimizer.weight_decay=0.0",
    "data.validation=null",
    "data.cache=null",
    "validation=null",
)


def memorize(data: Path, output: Path, minutes: float) -> dict[str, float]:
    """Choose utterances, train, transcribe. Raises DataError for fewer than five speakers with four
    utterances each."""
    corpus = open_corpus(data)
    chosen = []
    for own in [positions for positions in corpus.of_speaker if len(positions) >= EACH][:SPEAKERS]:
        chosen += [corpus.utterances[i].id for i in own[:EACH]]
    if len(chosen) < SPEAKERS * EACH:
        raise DataError(data, f"{len(chosen)} utterances", f"{EACH} of {SPEAKERS} speakers each")
    part = write_subset(data, chosen, output / "data")
    keys = [*PLAIN, f"data.train={part}", f"output={output / 'run'}"]
    begun = (output / "run" / "checkpoints").is_dir()
    keys += [f"trainer.max_minutes={minutes}"]
    model = load(train(RECIPE, keys, resume=begun, find=named_checkpoint))
    references = open_corpus(part).utterances
    hypotheses = [model.transcribe(read_audio(u.path)) for u in references]
    pairs = zip(references, hypotheses, strict=True)
    errors = total(concatenated_errors([u.text.upper().split()], words) for u, words in pairs)
    return {"utterances": len(references), "words": errors.length, **errors.figures("word_error")}


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = study_parser(__doc__)
    parser.add_argument("data", type=Path, help="a prepared folder")
    parser.add_argument("output", type=Path, help="a folder for data and checkpoint")
    parser.add_argument("--minutes", type=float, default=6.0, help="of training")
    options = parser.parse_args(arguments)
    with errors_in_one_line():
        for name, value in memorize(options.data, options.output, options.minutes).items():
            print(f"{name}: {value:g}")


if __name__ == "__main__":
    main()
