"""Error rates on a new domain before and after every adaptation, for pairs of real domains.

    python -m recipes.domains.study DATA OUT [--pairs children,accented] [--methods adda,coral]
        [--source-minutes 6] [--minutes 1.5] [KEY=VALUE …]

DATA holds what `joint prepare speechocean762` and `joint prepare librispeech --held-out 4` wrote,
in folders of these names. Folders, trainings, embeddings and scores in OUT are not made again, and
a training that was interrupted goes on. Minutes are processor time of one core; KEY=VALUE are
overrides of all trainings. The table is OUT/table.md; intervals are a bootstrap over the test
speakers. The two upper bounds alone read labels of the target domain.
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
from joint.training.run import train
from recipes.domains.pairs import PAIRS, write_pair
from recipes.speechocean762.studies.classic.run import check_same
from recipes.speechocean762.studies.command import study_parser
from tasks.verification.backends.scoring import Backend
from tasks.verification.backends.transforms import Chain, MeanSubtraction
from tasks.verification.embedding import EmbeddedFiles, embed_corpus
from tasks.verification.scorer import Scorer, make_scorer
from tasks.verification.stored import read_embeddings, write_embeddings
from tasks.verification.trials import listed_trials

SOURCE, COSINE, PLDA = "source", "cosine", "source-plda"
"""The encoder of the source domain, and its scores without adaptation by cosine and by a PLDA."""
ENCODERS = {
    "adda": "ADDA",
    "adversarial": "multi-task and adversarial",
    "distances": "CDMA",
    "labelled": "*with labels: encoder*",
}
"""Adaptations of the encoder, scored by cosine: recipes of this folder."""
BACKENDS = {
    "mean": "mean of the target, cosine",
    "coral": "CORAL",
    "coral+": "CORAL+",
    "coral++": "CORAL++",
    "plda": "adapted PLDA",
    "labelled-plda": "*with labels: PLDA*",
}
"""Adaptations of the back-end, on embeddings of the source domain's encoder."""
METHODS = [*ENCODERS, *BACKENDS]
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

    def scores(self, name: str) -> np.ndarray:
        """The scores `(T,)` of a method, or of the source's encoder without one."""
        path = self.folder / "scores" / f"{name}.npy"
        if not path.is_file():
            found = self._scored(name)
            with atomic_path(path) as unfinished, unfinished.open("wb") as file:
                np.save(file, found)
        scores: np.ndarray = np.load(path, allow_pickle=False)
        return scores

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
        target = "labelled" if name == "labelled" else "target"
        settings = [
            f"data.train.source.path={self.data / 'source'}",
            f"data.train.target.path={self.data / target}",
            f"data.validation={self.data / 'validation'}",
            f"output={output}",
            f"trainer.max_minutes={self.source_minutes if name == SOURCE else self.minutes}",
        ]
        if name == "labelled":
            settings.append(f"init_parts.encoder.checkpoint={self.encoder(SOURCE)}")
        elif name != SOURCE:
            settings.append(f"init=[{self.encoder(SOURCE)}]")
        return train(HERE / f"{name}.yaml", [*settings, *self.overrides], resume=True)

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


def rows(study: Study, methods: Sequence[str]) -> Iterator[tuple[str, str, str, str]]:
    """Of each method its title, the EER before and after, and the change, with intervals."""
    kept: dict[str, np.ndarray] = {}

    def drawn(name: str) -> np.ndarray:
        if name not in kept:
            kept[name] = drawn_eers(study.scores(name), study.trials)
        return kept[name]

    for method in methods:
        before = drawn(COSINE if method in (*ENCODERS, "mean") else PLDA)
        after = drawn(method)
        change = change_of_eer([before], [after])
        title = {**ENCODERS, **BACKENDS}[method]
        yield title, percent(before), percent(after), str(change)


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
    """Make what is missing and write the table. Raises JointError."""
    for option, given, known in (("--pairs", pairs, list(PAIRS)), ("--methods", methods, METHODS)):
        for name in given:
            if name not in known:
                raise ConfigError(option, repr(name), ", ".join(known))
    settings = {"source_minutes": source_minutes, "minutes": minutes, "overrides": [*overrides]}
    check_same(output / "settings.json", settings)
    found = {}
    for name in pairs:
        write_pair(name, data, output / name / "data")
        study = Study(output / name, source_minutes, minutes, overrides)
        found[name] = list(rows(study, methods))
        atomic_write(output / "table.md", table(found))
    return table(found)


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
