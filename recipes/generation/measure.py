"""Embeds the speakers of corpora and measures their pitch and speaking rate, for densities.

    python -m recipes.generation.measure exp/generation/train.npz \\
      data/speechocean762/train:accent=mandarin data/librispeech/train:accent=native,age=adult

Behind a colon stands what is known of all speakers of a corpus beside its own labels: accent (any
word), age (child or adult), gender (f or m). Of each speaker at most twenty utterances are read.
Speaking rates need an aligned corpus (`joint align`).
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from joint import load
from joint.data.opening import open_corpus
from joint.errors import DataError
from joint.files import check_file
from joint.terminal import errors_in_one_line
from recipes.speechocean762.studies.command import study_parser
from tasks.generation.kept import write_speakers
from tasks.generation.speakers import PER_SPEAKER, known_of, measured_speakers

SHIPPED = "speechocean762-librispeech-joint"


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = study_parser(__doc__)
    parser.add_argument("output", type=Path, help="the file to write, such as speakers.npz")
    parser.add_argument("data", nargs="+", help="FOLDER or FOLDER:accent=NAME,age=adult")
    parser.add_argument("--checkpoint", default=SHIPPED, help="of the encoder")
    parser.add_argument("--per-speaker", type=int, default=PER_SPEAKER, help="utterances of each")
    given = parser.parse_args(arguments)
    if given.per_speaker < 1:
        raise DataError("--per-speaker", str(given.per_speaker), "1 or more")
    check_file(given.output, (".npz",))
    corpora = [(open_corpus(folder), labels) for folder, labels in map(known_of, given.data)]
    model = load(given.checkpoint, tasks=())
    speakers = []
    for corpus, labels in corpora:
        speakers += measured_speakers(corpus, model.embed, labels, given.per_speaker, progress=True)
    names = Counter(speaker.name for speaker in speakers)
    if twice := [name for name, count in names.items() if count > 1]:
        raise DataError(given.output, f"the speaker {twice[0]} in two corpora", "each in one")
    if not speakers:
        raise DataError(given.data[0], "no speaker with a recording", "at least one")
    write_speakers(given.output, speakers, model.identity)
    print(f"{given.output}: {len(speakers)} speakers")


if __name__ == "__main__":
    with errors_in_one_line():
        main()
