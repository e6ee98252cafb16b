"""Speaker verification before neural networks: VQ codebooks, GMM-UBM, GMM supervectors with support
vector machines, joint factor analysis and i-vectors, on the same recordings and trials as the other
systems.

    python -m recipes.speechocean762.studies.classic.run DATA CORPUS/test CORPUS/test/trials OUT

DATA is what `joint prepare speechocean762` wrote; all systems are trained on DATA/train. The
default sizes were chosen on DATA/validation: to choose others, give that as the test and another
OUT. Models and scores in OUT are not computed again. The figures are in OUT/table.md and
OUT/table.json.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any
from zlib import crc32

import torch

from joint.data.corpus import Corpus
from joint.data.opening import open_corpus
from joint.data.scenes.augmentation import own_channel
from joint.errors import DataError
from joint.files import atomic_write
from joint.metrics.detection import eer, error_rates
from joint.terminal import errors_in_one_line
from recipes.speechocean762.studies.classic.families import FAMILIES
from recipes.speechocean762.studies.classic.parts import Parts, Sizes
from recipes.speechocean762.studies.command import study_parser
from tasks.verification.classic.features import Speech, read_speech
from tasks.verification.trials import Trials

COLUMNS = {
    "eer_percent": ("EER %", ".2f"),
    "min_dcf_p01": ("minDCF 0.01", ".3f"),
    "min_dcf_p05": ("minDCF 0.05", ".3f"),
    "channels_eer_percent": ("EER %, random channels", ".2f"),
    "parameters": ("parameters", ",d"),
    "training_seconds": ("training s", ".0f"),
    "trials_per_second": ("trials/s", ",.0f"),
}


@dataclass
class Test:
    """The trials of a test set, and its speech as recorded and through random channels."""

    parts: Parts
    folder: Corpus
    trials: Trials

    @cached_property
    def recorded(self) -> Speech:
        """Speech of the trials' utterances."""
        return read_speech(self.parts.cepstra, self.folder, self.trials.names, progress=True)

    @cached_property
    def changed(self) -> Speech:
        """The same with a random channel on each utterance."""
        names = self.trials.names
        return read_speech(self.parts.cepstra, self.folder, names, own_channel, progress=True)

    def usable(self, speech: Speech) -> Trials:
        """The trials whose utterances both have speech."""
        return self.trials.keep(self.trials.present(speech.rows()))


@torch.inference_mode()
def figures(family: str, test: Test) -> dict[str, dict[str, Any]]:
    """The figures of every system of the family."""
    score, trained = FAMILIES[family]
    trials, changed = test.usable(test.recorded), test.usable(test.changed)
    found = score(test.parts, test.recorded, *trials.positions(test.recorded.rows()))
    other = score(test.parts, test.changed, *changed.positions(test.changed.rows()))
    parameters, seconds = test.parts.cost(*trained)
    rates = {name: error_rates(scored.scores, trials.labels) for name, scored in found.items()}
    return {
        name: {
            "eer_percent": rates[name].eer().percent,
            "min_dcf_p01": rates[name].min_dcf(p_target=0.01),
            "min_dcf_p05": rates[name].min_dcf(p_target=0.05),
            "channels_eer_percent": eer(other[name].scores, changed.labels).percent,
            "parameters": parameters,
            "training_seconds": seconds,
            "trials_per_second": len(trials) / scored.seconds,
            "trials": len(trials),
            "skipped_trials": len(test.trials) - len(trials),
            "skipped_utterances": len(test.recorded.skipped),
        }
        for name, scored in found.items()
    }


def table(found: Mapping[str, Mapping[str, Any]]) -> str:
    """A row for each system."""
    heads = [head for head, _ in COLUMNS.values()]
    rows = ["| system | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    for name, values in found.items():
        cells = [format(values[key], form) for key, (_, form) in COLUMNS.items()]
        rows.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(rows) + "\n"


def check_same(path: Path, settings: dict[str, Any]) -> None:
    """Write the settings of a folder. Raises DataError where it has other settings already."""
    settings = json.loads(json.dumps(settings))
    if path.is_file():
        before = json.loads(path.read_text(encoding="utf-8"))
        for key, value in settings.items():
            if before.get(key) != value:
                found = f"{key} {before.get(key)} of an earlier run"
                raise DataError(path, found, f"{value}, or another output folder")
    else:
        atomic_write(path, json.dumps(settings, indent=1))


def run(
    data: Path, test: Path, trials: Path, output: Path, sizes: Sizes, families: list[str]
) -> str:
    """Train what is missing, score what is missing, write the table. Raises JointError."""
    train, folder = open_corpus(data / "train"), open_corpus(test)
    listed = Trials.load(trials)
    listed.check(folder)
    identity = {
        "train": crc32("".join(train.by_id).encode()),
        "trials": crc32(trials.read_bytes()),
    }
    check_same(output / "settings.json", {**asdict(sizes), **identity})
    parts = Parts(sizes, train, output)
    tested = Test(parts, folder, listed)
    found: dict[str, Any] = {}
    for family in FAMILIES:
        path = output / f"{family}.json"
        if family in families and not path.is_file():
            atomic_write(path, json.dumps(figures(family, tested), indent=1))
        if path.is_file():
            found |= json.loads(path.read_text(encoding="utf-8"))
    written = table(found)
    atomic_write(output / "table.json", json.dumps(found, indent=1))
    atomic_write(output / "table.md", written)
    return written


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = study_parser(__doc__)
    parser.add_argument("data", type=Path, help="what `joint prepare speechocean762` wrote")
    parser.add_argument("test", type=Path, help="a Kaldi folder")
    parser.add_argument("trials", type=Path, help="a list of trials")
    parser.add_argument("output", type=Path, help="a folder")
    parser.add_argument("--systems", nargs="+", choices=FAMILIES, default=list(FAMILIES))
    for field in fields(Sizes):
        option = "--" + field.name.replace("_", "-")
        parser.add_argument(option, type=type(field.default), default=field.default)
    given = parser.parse_args(arguments)
    sizes = Sizes(**{field.name: getattr(given, field.name) for field in fields(Sizes)})
    print(run(given.data, given.test, given.trials, given.output, sizes, given.systems))


if __name__ == "__main__":
    with errors_in_one_line():
        main()
