"""Write the space that a teacher's embeddings are turned into, for tasks/distillation/online.py.

    python -m recipes.distillation.space TEACHER CHECKPOINT RECIPE OUT.npz [--recordings N]

TEACHER is a checkpoint, such as `joint import` makes of another toolkit's; the space is turned
towards the embeddings of CHECKPOINT, which have as many dimensions, on recordings of the recipe's
`data.train`, balanced over speakers.
"""

import argparse
from pathlib import Path

from analysis.probing.study import spread
from joint import load
from joint.data.corpus import Corpus
from joint.terminal import errors_in_one_line
from joint.training.config.schema import load_config
from joint.training.corpora import open_corpora
from tasks.distillation.space import Space, check_dimensions
from tasks.verification.embedding import embed_corpus


def write_space(
    teacher: str,
    checkpoint: str,
    recipe: Path,
    output: Path,
    recordings: int = 600,
    overrides: tuple[str, ...] = (),
) -> None:
    """Write `output`. Raises JointError."""
    config = load_config(recipe, overrides)
    models = [load(name, tasks=()) for name in (teacher, checkpoint)]
    check_dimensions(teacher, *(model.embedding_dim for model in models))
    corpus = open_corpora(config.data.train, "data.train", config.data.shards)
    some = Corpus(spread(corpus, recordings), corpus.where)
    found = [embed_corpus(model.embed, some) for model in models]
    Space.between(found[0].embeddings, found[1].embeddings).save(output)
    print(f"{output}: {teacher} towards {checkpoint}, {len(found[0].names)} recordings")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("teacher")
    parser.add_argument("checkpoint")
    parser.add_argument("recipe", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--recordings", type=int, default=600, metavar="N")
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    given = parser.parse_intermixed_args()
    names = given.teacher, given.checkpoint, given.recipe, given.output
    write_space(*names, given.recordings, given.overrides)


if __name__ == "__main__":
    with errors_in_one_line():
        main()
