"""Error rates on a new domain before and after every adaptation, for pairs of real domains.

    python -m recipes.domains.study DATA OUT [--pairs children,accented] [--methods adda,coral]
        [--source-minutes 6] [--minutes 1.5] [KEY=VALUE …]

DATA holds what `joint prepare speechocean762` and `joint prepare librispeech --held-out 4` wrote,
in folders of these names. Folders, trainings, embeddings and scores in OUT are not made again, and
a training that was interrupted goes on. Minutes are processor time of one core; KEY=VALUE are
overrides of all trainings; another DATA and other settings need another OUT. The table,
OUT/table.md, holds all pairs and methods that are finished; intervals are a bootstrap over the
test speakers. The two upper bounds alone read labels of the target domain.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from joint import load
from joint.data.corpus import Corpus
from joint.data.opening import open_corpus
from joint.errors import ConfigError
from joint.files import atomic_path, atomic_write
from joint.metrics.bootstrap import TrialSpeakers, change_of_eer, drawn_eers
from joint.terminal import errors_in_one_line
from joint.training.building.initialisation import FINAL
from joint.training.config.schema import load_config
from joint.training.run import train
from pretrained.names import named_checkpoint
from recipes.domains.methods import BACKENDS, ENCODERS, METHODS, PLDA, SOURCE, before
from recipes.domains.pairs import PAIRS, check_pair, write_pair
from recipes.speechocean762.studies.classic.run import check_same
from recipes.speechocean762.studies.command import study_parser
from tasks.verification.backends.scoring import Backend
from tasks.verification.backends.transforms import Chain, MeanSubtraction
from tasks.verification.embedding import EmbeddedFiles, embed_corpus
from tasks.verification.scorer import Scorer, make_scorer
from tasks.verification.stored import read_embeddings, write_embeddings
from tasks.verification.trials import listed_trials

HERE = Path(__file__).parent


class Study:
    """One pair of domains in `folder`: what is missing is made when it is asked for."""

    def __init__(
        self,
        folder: Path,
        source_minutes: float,
        minutes: float,
        overrides: Sequence[str] = (),
    ) -> None:
        self.folder, self.data, self.overrides = folder, folder / "data", tuple(overrides)
        self.source_minutes, self.minutes = source_minutes, minutes
        self._drawn: dict[str, np.ndarray] = {}

    def scores(self, name: str) -> np.ndarray:
        """The scores `(T,)` of a method, or of the source's encoder without one."""
        path = self._path_of_scores(name)
        if not path.is_file():
            found = self._scored(name)
            with atomic_path(path) as unfinished, unfinished.open("wb") as file:
                np.save(file, found)
        scores: np.ndarray = np.load(path, allow_pickle=False)
        return scores

    def drawn(self, name: str) -> np.ndarray:
        """What `drawn_eers` gives for the scores of a method, kept in memory."""
        if name not in self._drawn:
            self._drawn[name] = drawn_eers(self.scores(name), self.trials)
        return self._drawn[name]

    def finished(self) -> list[str]:
        """The methods that have scores, and scores without adaptation to compare them to."""
        return [
            method
            for method in METHODS
            if all(self._path_of_scores(n).is_file() for n in (method, before(method)))
        ]

    def _path_of_scores(self, name: str) -> Path:
        return self.folder / "scores" / f"{name}.npy"

    @cached_property
    def trials(self) -> TrialSpeakers:
        """The speakers of the trials."""
        listed, corpus = listed_trials(self.data / "test"), open_corpus(self.data / "test")
        speakers = np.array([corpus.by_id[name].speaker for name in listed.names])
        number = np.unique(speakers, return_inverse=True)[1]
        return TrialSpeakers(listed.labels, number[listed.first], number[listed.second])

    def encoder(self, name: str) -> Path:
        """The checkpoint of a recipe of this folder, trained where it is not there."""
        output = self.folder / name
        if (output / FINAL).is_file():
            return output / FINAL
        if name != SOURCE:
            self.encoder(SOURCE)
        recipe, settings = self.recipe(name)
        return train(recipe, settings, resume=True, find=named_checkpoint)

    def recipe(self, name: str) -> tuple[Path, list[str]]:
        """A recipe of this folder, and the overrides that it is trained with."""
        source = self.folder / SOURCE / FINAL
        target = "labelled" if name == "labelled" else "target"
        settings = [
            f"data.train.source.path={self.data / 'source'}",
            f"data.train.target.path={self.data / target}",
            f"data.validation={self.data / 'validation'}",
            f"output={self.folder / name}",
            f"trainer.max_minutes={self.source_minutes if name == SOURCE else self.minutes}",
        ]
        if name == "labelled":
            settings.append(f"init_parts.encoder.checkpoint={source}")
        elif name != SOURCE:
            settings.append(f"init=[{source}]")
        return HERE / f"{name}.yaml", [*settings, *self.overrides]

    def embedded(self, encoder: str, part: str) -> tuple[EmbeddedFiles, Corpus]:
        """Embeddings of a folder of the pair by one of its encoders, and the folder."""
        path, corpus = self.folder / "embeddings" / f"{encoder}-{part}.npz", self._corpus(part)
        if not path.is_file():
            model = load(str(self.encoder(encoder)), tasks=())
            found = embed_corpus(model.embed, corpus, progress=True)
            write_embeddings(path, found.names, found.embeddings, model.identity)
        return read_embeddings([path], corpus, list(corpus.by_id)), corpus

    def _corpus(self, part: str) -> Corpus:
        return open_corpus(self.data / part)

    def _scored(self, name: str) -> np.ndarray:
        embedded, _ = self.embedded(name if name in ENCODERS else SOURCE, "test")
        scorer = self._backend(name) if name in (*BACKENDS, PLDA) else Scorer()
        listed = listed_trials(self.data / "test")
        return scorer(embedded, *listed.positions(embedded.rows()))

    def _backend(self, name: str) -> Scorer:
        """A back-end that was trained on the source domain and adapted, or trained with labels."""
        part = "target" if name == "labelled-plda" else "source"
        embedded, corpus = self.embedded(SOURCE, part)
        if name == "labelled-plda":
            corpus = self._corpus("labelled")
        speakers = np.array([corpus.by_id[utterance].speaker for utterance in embedded.names])
        if name in (PLDA, "labelled-plda"):
            return make_scorer("plda", "none", embedded.embeddings, speakers)
        target = self.embedded(SOURCE, "target")[0].embeddings
        if name == "mean":
            return Scorer(Chain([MeanSubtraction().fit(target, speakers)]), Backend())
        return make_scorer("plda", "none", embedded.embeddings, speakers, target, adaptation=name)


def rows(study: Study) -> Iterator[tuple[str, str, str, str]]:
    """Of each finished method its title, the EER before and after, and the change, with
    intervals."""
    for method in study.finished():
        first, after = study.drawn(before(method)), study.drawn(method)
        change = change_of_eer([first], [after])
        title = {**ENCODERS, **BACKENDS}[method]
        yield title, percent(first), percent(after), str(change)


def percent(drawn: np.ndarray) -> str:
    """An EER in percent with its 95 % interval, from `drawn_eers`."""
    low, high = np.nanpercentile(drawn[1:], [2.5, 97.5])
    return f"{drawn[0]:.2f} [{low:.2f}, {high:.2f}]"


def table(found: Mapping[str, Sequence[tuple[str, str, str, str]]]) -> str:
    """A row for each pair and method."""
    lines = ["| from, to | method | EER % before | after | change |", "|---" * 5 + "|"]
    for name, measured in found.items():
        pair = PAIRS[name]
        for row in measured:
            lines.append(f"| {pair.source} → {pair.target} | " + " | ".join(row) + " |")
    return "\n".join(lines) + "\n"


def run(
    data: Path,
    output: Path,
    pairs: Sequence[str],
    methods: Sequence[str],
    source_minutes: float,
    minutes: float,
    overrides: Sequence[str] = (),
) -> str:
    """Make what is missing and write the table of all that is finished. Raises JointError."""
    for option, given, known in (("--pairs", pairs, list(PAIRS)), ("--methods", methods, METHODS)):
        for name in given:
            if name not in known:
                raise ConfigError(option, repr(name), ", ".join(known))
    studies = {name: Study(output / name, source_minutes, minutes, overrides) for name in PAIRS}
    for name in (SOURCE, *(method for method in methods if method in ENCODERS)):
        load_config(*studies[pairs[0]].recipe(name))
    for name in pairs:
        check_pair(name, data, studies[name].data)
    settings = {
        "data": str(data.resolve()),  # the folders of the pairs name recordings that lie there
        "source_minutes": source_minutes,
        "minutes": minutes,
        "overrides": [*overrides],
    }
    check_same(output / "settings.json", settings)
    for name in pairs:  # all before the first training, for the data of a pair may be refused
        write_pair(name, data, studies[name].data)
    written = ""
    for name in pairs:
        for method in methods:
            studies[name].scores(before(method))
            studies[name].scores(method)
        written = table({other: list(rows(study)) for other, study in studies.items()})
        atomic_write(output / "table.md", written)
    return written


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = study_parser(__doc__)
    parser.add_argument("data", type=Path, help="a folder of prepared corpora")
    parser.add_argument("output", type=Path)
    parser.add_argument("--pairs", default=",".join(PAIRS), help="of %(default)s")
    parser.add_argument("--methods", default=",".join(METHODS), help="of %(default)s")
    parser.add_argument("--source-minutes", type=float, default=6.0, help="default %(default)s")
    parser.add_argument("--minutes", type=float, default=1.5, help="default %(default)s")
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    given = parser.parse_intermixed_args(arguments)
    print(
        run(
            given.data,
            given.output,
            given.pairs.split(","),
            given.methods.split(","),
            given.source_minutes,
            given.minutes,
            given.overrides,
        )
    )


if __name__ == "__main__":
    with errors_in_one_line():
        main()
