"""Probing of an encoder on a corpus: all layers, all questions; and its untrained counterpart."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from analysis.probing.findings import Finding, decompose, findings
from analysis.probing.folds import Fold, disjoint_folds
from analysis.probing.layers import LayerOutputs, check_layers, layer_outputs
from analysis.probing.linear import Spectrum
from analysis.probing.targets import (
    CHANGED,
    PLAIN,
    SWAPPED,
    Target,
    changed,
    halves,
    one_hot,
    phone_instants,
    targets_of,
)
from joint.audio import check_waveform
from joint.data.corpus import Corpus, Utterance, readable
from joint.encoders.encoder import SpeakerEncoder
from joint.errors import DataError
from joint.seeding import seeded
from joint.training.progress import shown
from joint.units import SAMPLE_RATE

Read = Callable[[Sequence[np.ndarray], Sequence[np.ndarray] | None], LayerOutputs]
"""Waveforms and the instants whose frames are kept, see `layer_outputs`, to what is probed."""

PHONES = "phones (frames)"
QUESTIONS = (
    *("speaker", "gender", "age group", "duration", "speaking rate", "bag of phones"),
    *("word presence", "level", "pitch", "pitch range", "channel and noise", "word order", PHONES),
)
INSTANTS = 15
"""Frames of each recording for the question of phones."""


@dataclass
class Material:
    """The recordings and questions (`targets`) of a study; `missing` are the questions that the
    corpus cannot answer, with the reason."""

    utterances: list[Utterance]
    waveforms: list[np.ndarray]
    inventory: tuple[str, ...]
    targets: list[Target]
    missing: dict[str, str]

    @classmethod
    def of(cls, corpus: Corpus, limit: int, questions: Sequence[str] = ()) -> "Material":
        """At most `limit` utterances, balanced over speakers; all questions, or `questions`.

        Raises DataError for a question that is unknown or that the corpus cannot answer.
        """
        if unknown := [name for name in questions if name not in QUESTIONS]:
            expected = " or ".join(QUESTIONS)
            raise DataError(f"{corpus.where}: {unknown[0]}", "an unknown question", expected)
        utterances, waveforms = [], []
        for utterance, waveform in readable(spread(corpus, limit)):
            waveforms.append(waveform)
            utterances.append(utterance)
        if not utterances:
            raise DataError(corpus.where, "no recording that can be read", "at least one")
        targets, missing = targets_of(utterances, waveforms, corpus.phones)
        if corpus.phones:
            targets.append(_phones(utterances, corpus.phones))
        else:
            missing[PHONES] = "no phones: see 'joint align'"
        names = [target.name for target in targets]
        for name in questions:
            if name not in names:
                found = missing.get(name, "no recording that answers it")
                raise DataError(f"{corpus.where}: {name}", found, " or ".join(names))
        kept = [target for target in targets if not questions or target.name in questions]
        return cls(utterances, waveforms, corpus.phones, kept, missing)

    def version(self, target: Target) -> list[np.ndarray]:
        """The recordings in the version that the target needs, in the order of its rows."""
        if target.version == CHANGED:
            return [changed(w, i) for i, w in enumerate(self.waveforms)]
        if target.version == SWAPPED:
            rows = target.rows[: len(target.rows) // 2]
            pairs = [halves(self.utterances[i], self.waveforms[i]) for i in rows]
            return [original for original, _ in pairs] + [swapped for _, swapped in pairs]
        return self.waveforms

    def instants(self) -> list[np.ndarray]:
        """The samples of each recording whose frames are probed."""
        return [phone_instants(u, INSTANTS, i)[0] for i, u in enumerate(self.utterances)]

    def folds(self, target: Target) -> list[Fold]:
        """See `disjoint_folds`."""
        owners = [self.utterances[i % len(self.utterances)] for i in target.rows]
        keys = {"speaker": [u.speaker for u in owners], "text": [u.text or u.id for u in owners]}
        first, *others = target.folds
        return disjoint_folds(keys[first], [keys[name] for name in others])


def _phones(utterances: Sequence[Utterance], inventory: Sequence[str]) -> Target:
    """The phone of a frame; `rows` are the recordings of the frames."""
    found = [phone_instants(u, INSTANTS, i)[1] for i, u in enumerate(utterances)]
    rows = np.repeat(np.arange(len(utterances)), [len(phones) for phones in found])
    values = one_hot([inventory[phone] for phones in found for phone in phones])
    return Target(PHONES, "classes", values, rows)


def spread(corpus: Corpus, limit: int) -> list[Utterance]:
    """At most `limit` utterances, balanced over speakers, in the order of the corpus."""
    turns = sorted(
        (turn, speaker, int(index))
        for speaker, own in enumerate(corpus.of_speaker)
        for turn, index in enumerate(own)
    )
    return [corpus.utterances[i] for i in sorted(index for _, _, index in turns[:limit])]


def probe_encoder(
    encoder: SpeakerEncoder,
    material: Material,
    layers: Sequence[str] = (),
    precision: str = "auto",
    progress: str | None = None,
) -> list[Finding]:
    """Findings of both probes for all questions at the encoder's layers, or at the named ones;
    `progress` is the label of a progress bar.

    Raises DataError for a layer that does not exist.
    """
    check_layers(encoder, layers)

    def read(
        waveforms: Sequence[np.ndarray], instants: Sequence[np.ndarray] | None
    ) -> LayerOutputs:
        return layer_outputs(encoder, waveforms, instants, precision)

    return probe_outputs(read, material, layers, progress)


def probe_outputs(
    read: Read, material: Material, layers: Sequence[str] = (), progress: str | None = None
) -> list[Finding]:
    """As `probe_encoder`, of the layers that `read` gives."""
    outputs: dict[str, LayerOutputs] = {}
    spectra: dict[tuple[str, bytes], dict[str, list[Spectrum]]] = {}
    results: list[Finding] = []
    for target in shown(material.targets, progress or "", progress is not None):
        if target.version not in outputs:
            instants = material.instants() if target.version == PLAIN else None
            waveforms = material.version(target)
            outputs[target.version] = read(waveforms, instants)
        of_frames = target.name == PHONES
        own = outputs[target.version]
        found = own.frames if of_frames else own.pooled
        # the question of frames leaves out layers that have none
        chosen = {name: v for name, v in found.items() if not layers or name in layers}
        if not chosen:  # none of the named layers has frames
            continue
        if not of_frames:
            rows = target.rows if target.version != SWAPPED else np.arange(len(target.rows))
            chosen = {name: vectors[rows] for name, vectors in chosen.items()}
        folds = material.folds(target)
        key = (f"{target.version} {of_frames}", _fingerprint(target, folds))
        if key not in spectra:
            spectra[key] = {name: decompose(vectors, folds) for name, vectors in chosen.items()}
        speakers = [material.utterances[i % len(material.utterances)].speaker for i in target.rows]
        units = speakers if target.of_speaker else None
        results += findings(spectra[key], target.name, target.kind, target.values, folds, units)
    if not results:
        raise DataError(" and ".join(layers), "no layer with frames", "one, to probe frames")
    return results


def _fingerprint(target: Target, folds: Sequence[Fold]) -> bytes:
    return target.rows.tobytes() + b"".join(f.train.tobytes() + f.test.tobytes() for f in folds)


def untrained(
    make: Callable[[], SpeakerEncoder], waveforms: Sequence[np.ndarray], seed: int = 1
) -> SpeakerEncoder:
    """An untrained encoder from `make`, apart from the running statistics of its batch norms, which
    are those of 64 of the waveforms."""
    with seeded(seed, "untrained"):
        encoder = make()
        length = 2 * SAMPLE_RATE
        whole = [np.resize(w, length) for w in waveforms[:: max(len(waveforms) // 64, 1)][:64]]
        for waveform in whole:
            check_waveform(waveform, "a recording")
        for part in encoder.modules():
            if isinstance(part, torch.nn.modules.batchnorm._BatchNorm):
                part.momentum = 0.5
        with torch.no_grad():
            for start in range(0, len(whole), 16):
                encoder.train()(torch.from_numpy(np.stack(whole[start : start + 16])))
    return encoder.eval()
