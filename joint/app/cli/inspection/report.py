"""`joint report`: an HTML page about a checkpoint."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from joint.app.cli.options import SHIPPED, Checkpoint
from joint.terminal import warn

if TYPE_CHECKING:
    import numpy as np

    from analysis.report.page import Section
    from joint.app.api import SpeakerModel
    from joint.data.corpus import Corpus
    from tasks.verification.embedding import EmbeddedFiles


def report(
    data: Annotated[
        Path,
        typer.Option(
            "--data",
            metavar="DATA",
            help="A corpus that `joint prepare` wrote, with a list `trials`; probes of phones need "
            "`joint align`.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option("--output", metavar="DIR", help="A folder for report.html and its figures."),
    ],
    checkpoint: Checkpoint = SHIPPED,
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="CHECKPOINT",
            help="Another checkpoint, from which the drift of the embeddings is measured.",
        ),
    ] = None,
    plane: Annotated[
        str,
        typer.Option(
            "--plane",
            metavar="tsne|umap",
            help="How the embeddings are projected onto a plane for the pictures.",
        ),
    ] = "tsne",
    utterances: Annotated[
        int,
        typer.Option(
            "--utterances", metavar="N", min=50, help="The largest number of utterances to probe."
        ),
    ] = 800,
) -> None:
    """Write an HTML page about a checkpoint: verification, geometry of the embeddings, probes of
    the layers, the drift from another checkpoint, the curves of the training where its log lies
    beside the checkpoint, and links to what was used.

    Example: joint report --data data/speechocean762/test --output exp/report
    """
    import numpy as np

    from analysis.probing.layers import EMBEDDING
    from analysis.probing.study import Material
    from analysis.report.encoder import People, geometry_section, layers_section, probes_section
    from analysis.report.page import Links, Section, write_report
    from analysis.report.training import training_section
    from joint.app.cli.inspection.probe import beside_untrained
    from joint.app.cli.options import open_model
    from joint.data.opening import open_corpus
    from joint.encoders.frontends.ssl.layers import layer_shares
    from joint.errors import ConfigError
    from joint.files import write_json
    from tasks.verification.embedding import embed_corpus

    if plane not in ("tsne", "umap"):
        raise ConfigError("--plane", plane, "tsne or umap")
    corpus = folder = open_corpus(data)
    model = open_model(checkpoint)
    other = None if against is None else open_model(against)
    material = Material.of(corpus, utterances)
    for name, reason in material.missing.items():
        warn(f"no probe of {name}: {reason}")
    embedded = embed_corpus(model.embed, folder, progress=True)
    sections, figures = _verification(data, folder, embedded)
    if other is not None:
        found, section = _drift(other, folder, embedded, data)
        sections, figures = [*sections, section], figures | found
    owners = [folder.by_id[name] for name in embedded.names]
    people = People(
        [p.speaker for p in owners], [p.gender for p in owners], [p.age_group for p in owners]
    )
    sections.append(geometry_section(embedded.embeddings, people, plane))
    if shares := layer_shares(model.model.encoder.frontend):
        sections.append(layers_section({k: v.cpu().numpy() for k, v in shares.items()}))
    trained, random = beside_untrained(model, material)
    output.mkdir(parents=True, exist_ok=True)
    sections.append(probes_section(trained, random, EMBEDDING, output))
    used = {"checkpoint": model.path, "data": data}
    used |= {} if other is None else {"drift from": other.path}
    log, card = (model.path.with_name(name) for name in ("metrics.jsonl", "MODEL_CARD.md"))
    if log.is_file():
        sections.append(training_section(log))
    used |= {what: file for what, file in (("log", log), ("model card", card)) if file.is_file()}
    used |= {"figures": output / "report.json", "probes": output / "probes.png"}
    write_json(output / "report.json", {k: v for k, v in figures.items() if np.isscalar(v)})
    sections.append(Section("Files", "What this page was made of.", [Links(used, output)]))
    info = model.info()
    size = info["parameters"]["encoder"] / 1e6
    text = f"{info['path']}: {size:.2f} million parameters, embeddings of {info['embedding_dim']}; "
    text += f"{len(embedded.names)} recordings of {len(set(people.speakers))} speakers in {data}."
    write_report(output / "report.html", f"The encoder {info['name']}", text, sections)
    print(output / "report.html")


def _verification(
    data: Path, folder: "Corpus", embedded: "EmbeddedFiles"
) -> tuple[list["Section"], dict[str, Any]]:
    """The section and the figures, where DIR has trials."""
    from analysis.report.verification import verification_section
    from joint.data.opening import find_list
    from joint.metrics.detection import error_rates
    from tasks.verification.evaluate import evaluate_embedded
    from tasks.verification.trials import Trials

    if (listed := find_list(data, "trials")) is None:
        warn(f"no trials in {data}: no verification figures")
        return [], {}
    trials = Trials.load(listed)
    trials.check(folder)
    figures, kept, scores = evaluate_embedded(embedded, folder, trials)
    rates = error_rates(scores, kept.labels)
    labels = kept.labels.astype(bool)
    section = verification_section(
        figures,
        rates,
        {"one speaker": scores[labels], "two speakers": scores[~labels]},
    )
    return [section], figures


def _drift(
    other: "SpeakerModel", folder: "Corpus", embedded: "EmbeddedFiles", data: Path
) -> tuple[dict[str, float], "Section"]:
    """How far the embeddings moved, and the EER where one model enrols and the other tests."""
    from analysis.drift import embedding_drift
    from analysis.report.encoder import drift_section
    from joint.data.opening import find_list
    from joint.metrics.detection import eer
    from tasks.verification.embedding import embed_corpus
    from tasks.verification.trials import Trials

    there = embed_corpus(other.embed, folder, embedded.names, progress=True)
    drift = embedding_drift(there.embeddings, embedded.embeddings)
    eers: dict[str, float] = {}
    if (listed := find_list(data, "trials")) is not None:
        trials = Trials.load(listed)
        kept = trials.keep(trials.present(embedded.rows()))
        first, second = kept.positions(embedded.rows())
        sides = {"other": there.embeddings, "this": embedded.embeddings}
        for enrolled, tested in (("other", "other"), ("this", "this"), ("other", "this")):
            cosines = _cosines(sides[enrolled][first], sides[tested][second])
            eers[f"EER, enrolled with {enrolled}, tested with {tested}"] = eer(
                cosines, kept.labels
            ).percent
    return dict(drift), drift_section(drift, eers, str(other.path))


def _cosines(first: "np.ndarray", second: "np.ndarray") -> "np.ndarray":
    import numpy as np

    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    found: np.ndarray = (first * second).sum(axis=1) / lengths
    return found
