"""Twenty utterances learnt by heart: the recogniser's core can write what it hears.

    python -m recipes.speechocean762.studies.by_heart DATA/train OUT

Four utterances of each of five people, in characters, with `recognition.yaml` but without what
makes learning harder. Prints the word error rate on the same twenty; a killed run goes on.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from joint import load
from joint.audio import read_audio
from joint.data.corpus import Corpus
from joint.data.prepare.subset import write_subset
from joint.errors import DataError
from joint.metrics.words import concatenated_errors, total
from joint.terminal import errors_in_one_line
from joint.training.run import train

RECIPE = Path(__file__).parents[1] / "recognition.yaml"
PEOPLE, EACH = 5, 4
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
    "init=[]",
)


def learn(data: Path, output: Path, minutes: float) -> dict[str, float]:
    """Choose, train, recognise. Raises DataError for fewer than five people with four utterances
    each."""
    corpus = Corpus.load(data)
    chosen = []
    for own in [positions for positions in corpus.of_speaker if len(positions) >= EACH][:PEOPLE]:
        chosen += [corpus.utterances[i].id for i in own[:EACH]]
    if len(chosen) < PEOPLE * EACH:
        raise DataError(data, f"{len(chosen)} utterances", f"{EACH} of {PEOPLE} people each")
    part = write_subset(data, chosen, output / "data")
    keys = [*PLAIN, f"data.train={part}", f"output={output / 'run'}"]
    begun = (output / "run" / "checkpoints").is_dir()
    model = load(train(RECIPE, [*keys, f"trainer.max_minutes={minutes}"], resume=begun))
    said = Corpus.load(part).utterances
    found = [model.transcribe(read_audio(u.path)) for u in said]
    pairs = zip(said, found, strict=True)
    errors = total(concatenated_errors([u.text.upper().split()], words) for u, words in pairs)
    return {"utterances": len(said), "words": errors.length, **errors.figures("word_error")}


def main(arguments: Sequence[str] | None = None) -> None:
    """Learn and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data", type=Path, help="prepared")
    parser.add_argument("output", type=Path)
    parser.add_argument("--minutes", type=float, default=6.0)
    options = parser.parse_args(arguments)
    with errors_in_one_line():
        for name, value in learn(options.data, options.output, options.minutes).items():
            print(f"{name}: {value:g}")


if __name__ == "__main__":
    main()
