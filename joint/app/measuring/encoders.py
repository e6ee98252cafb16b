"""What a run of a grid made of the shared encoder: further trials, conditions, probes."""

from analysis.probing.layers import EMBEDDING
from analysis.probing.study import QUESTIONS, Material, probe_encoder
from joint.app.api import SpeakerModel
from joint.data.corpus import Corpus
from joint.data.opening import open_corpus
from joint.errors import ConfigError, first_of
from joint.experiments.measures import MeasuresConfig
from joint.experiments.tables import EER_OF, PROBE_OF
from tasks.verification.conditions import CONDITIONS, evaluate_conditions
from tasks.verification.embedding import embed_corpus
from tasks.verification.evaluate import evaluate_embedded
from tasks.verification.trials import Trials, listed_trials


def check_measures(measures: MeasuresConfig) -> None:
    """Raises ConfigError for a condition or a question that is unknown, DataError for a folder
    without trials: before hours of training."""
    known = {"conditions": tuple(CONDITIONS), "questions": QUESTIONS}
    for key, names in known.items():
        if unknown := sorted(set(getattr(measures, key)).difference(names)):
            raise ConfigError(f"measures.{key}", first_of(unknown), " or ".join(names))
    for folder in measures.trials.values():
        corpus = open_corpus(folder)
        listed_trials(folder).check(corpus)


def encoder_figures(
    model: SpeakerModel, corpus: Corpus, trials: Trials, measures: MeasuresConfig
) -> dict[str, float]:
    """The figures that `measures` asks for of the encoder, on `corpus` with its `trials` and on
    other folders. Raises DataError for a question that the corpus cannot answer."""
    figures = {}
    for name, folder in measures.trials.items():
        other = open_corpus(folder)
        embedded = embed_corpus(model.embed, other)
        verified, _, _ = evaluate_embedded(embedded, other, listed_trials(folder))
        figures[EER_OF.format(name)] = verified["eer_percent"]
    conditions = evaluate_conditions(model.embed, corpus, trials, None, measures.conditions)
    for name, found in conditions if measures.conditions else ():
        figures[EER_OF.format(name)] = found["both_sides_eer_percent"]
    if measures.questions:
        material = Material.of(corpus, measures.recordings, measures.questions)
        probed = probe_encoder(model.model.encoder, material, [EMBEDDING], model.precision)
        figures |= {PROBE_OF.format(f.target): f.value for f in probed if f.probe == "linear"}
    return figures
