"""Fits a density of voices to the embeddings of measured speakers.

    python -m recipes.generation.fit exp/generation/train.npz exp/generation/mixture.safetensors \\
      --kind mixture --held-out exp/generation/validation.npz

Both inputs are what recipes.generation.measure wrote; the best step is that with the highest
likelihood of the held-out speakers. A minute of one core.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from joint import load
from joint.errors import DataError
from joint.files import check_file
from joint.metrics.presenting import figure_text
from joint.terminal import errors_in_one_line
from recipes.generation.measure import SHIPPED
from recipes.speechocean762.studies.command import study_parser
from tasks.generation.files import write_density
from tasks.generation.fitting import Fitting, fit_density
from tasks.generation.kept import read_speakers

ATTRIBUTES = {"_target_": "tasks.generation.conditions.AttributeCondition"}
WORDS = {"_target_": "tasks.generation.conditions.TextCondition"}
MIXTURE = {"_target_": "tasks.generation.mixture.ConditionalMixture"}
FLOW = {"_target_": "tasks.generation.flow.ConditionalFlow"}

KINDS: Mapping[str, dict[str, Any]] = {
    "mixture": {"condition": ATTRIBUTES, "density": MIXTURE},
    "flow": {"condition": ATTRIBUTES, "density": FLOW},
    "description": {"condition": WORDS, "density": MIXTURE},
}
"""TacoSpawn; a normalising flow; a text encoder with a mixture."""


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = study_parser(__doc__)
    parser.add_argument("speakers", type=Path, help="measured speakers to fit to")
    parser.add_argument("output", type=Path, help="the file to write, such as voices.safetensors")
    parser.add_argument("--held-out", type=Path, required=True, help="other measured speakers")
    parser.add_argument("--kind", choices=KINDS, default="description")
    parser.add_argument("--checkpoint", default=SHIPPED, help="of the encoder")
    parser.add_argument("--components", type=int, default=Fitting.components)
    parser.add_argument("--axes", type=int, default=Fitting.axes)
    parser.add_argument("--steps", type=int, default=Fitting.steps)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    if given.steps < Fitting.look:
        raise DataError("--steps", str(given.steps), f"{Fitting.look} or more")
    check_file(given.output, (".safetensors",))
    identity = load(given.checkpoint, tasks=()).identity
    speakers, held_out = (
        read_speakers(path, identity) for path in (given.speakers, given.held_out)
    )
    fitting = Fitting(components=given.components, axes=given.axes, steps=given.steps)
    settings = KINDS[given.kind]
    density, levels, figures = fit_density(settings, speakers, held_out, fitting, given.seed, True)
    about = {"kind": given.kind, "seed": given.seed, "figures": figures}
    write_density(given.output, density, levels, identity, about)
    print(f"{given.output}: {', '.join(f'{n} {figure_text(v)}' for n, v in figures.items())}")


if __name__ == "__main__":
    with errors_in_one_line():
        main()
