"""Write what a teacher makes of a recipe's training recordings, for tasks/distillation.

    python -m recipes.distillation.targets TEACHER RECIPE OUT.npz [--towards CHECKPOINT] [KEY=VALUE]

TEACHER is a checkpoint, such as `joint import` makes of another toolkit's; recordings and speeds
are those of the recipe's `data.train` and of its streams. `--towards` turns the targets into the
space of another checkpoint's embeddings, which have as many dimensions, so that heads trained on
those can go on.
"""

import argparse
from pathlib import Path

from joint import load
from joint.data.storage.store import FileStore
from joint.terminal import errors_in_one_line
from joint.training.config.schema import load_config
from joint.training.corpora import open_corpora, packed_store
from joint.training.distributed.launching import launched
from tasks.distillation.space import check_dimensions
from tasks.distillation.targets import agreement, embedded, turned


def write_targets(
    teacher: str,
    recipe: Path,
    output: Path,
    towards: str | None = None,
    overrides: tuple[str, ...] = (),
) -> None:
    """Write `output`. Raises JointError."""
    config = load_config(recipe, overrides)
    speeds = sorted({s for stream in config.streams.values() for s in stream.scenes.speeds})
    models = [load(name, tasks=()) for name in (teacher, towards) if name is not None]
    check_dimensions(teacher, models[0].embedding_dim, models[-1].embedding_dim)
    corpus = open_corpora(config.data.train, "data.train", config.data.shards)
    fabric = launched(config)
    cache = config.data.cache
    store = packed_store(cache, corpus, speeds, fabric) if cache else FileStore(corpus)
    found = [embedded(model.embed_waveforms, corpus, store, speeds, True) for model in models]
    targets = found[0]
    if towards is not None:
        targets = turned(targets, found[1])
        print(f"cosine with {towards}: {agreement(targets, found[1]):.3f} on average")
    targets.save(output)
    print(f"{output}: {len(corpus)} recordings at speeds {', '.join(map(str, speeds))}")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("teacher")
    parser.add_argument("recipe", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--towards", metavar="CHECKPOINT")
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    given = parser.parse_intermixed_args()
    write_targets(given.teacher, given.recipe, given.output, given.towards, given.overrides)


if __name__ == "__main__":
    with errors_in_one_line():
        main()
