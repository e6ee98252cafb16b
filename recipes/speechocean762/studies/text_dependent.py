"""Text-dependent verification by speaker and text embeddings: EER of each and of both.

    python -m recipes.speechocean762.studies.text_dependent CHECKPOINT DATA/words/train WORDS/test

On `trials_adapted`, where the enrolment has another word than the test recording, the enrolment's
text embedding is replaced by the mean of the test word's embeddings in the training folder.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from joint import SpeakerModel, load
from joint.data.batching import batches_by_length
from joint.data.corpus import Corpus
from joint.data.opening import open_corpus
from joint.directions import unit
from joint.errors import CheckpointError
from joint.metrics.detection import eer
from joint.terminal import errors_in_one_line
from joint.training.precision import autocast_for
from recipes.speechocean762.studies.command import study_parser
from tasks.verification.auxiliary.text_dependent import SpeakerTextFactors
from tasks.verification.trials import Trials

LISTS = ("trials_impostor", "trials_word", "trials_both", "trials_adapted")


def factors_of(model: SpeakerModel, waveforms: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Unit embeddings `(n, E)` of the `speaker` and of the `text`. Raises CheckpointError."""
    tasks = {n: t for n, t in model.model.tasks.items() if isinstance(t, SpeakerTextFactors)}
    if not tasks:
        raise CheckpointError(model.path, ", ".join(model.model.tasks), "a task SpeakerTextFactors")
    name, task = next(iter(tasks.items()))
    found: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    for batch in batches_by_length([len(w) for w in waveforms]):
        lengths = torch.tensor([len(waveforms[i]) for i in batch])
        audio = torch.nn.utils.rnn.pad_sequence(
            [torch.from_numpy(waveforms[i]) for i in batch], batch_first=True
        )
        with torch.inference_mode(), autocast_for(model.precision, model.device):
            factors = task.factors(model.model.view(name), audio, lengths)
        for row, i in enumerate(batch):
            found[i] = factors.speaker[row].float().numpy(), factors.text[row].float().numpy()
    parts = zip(*(found[i] for i in range(len(waveforms))), strict=True)
    return {key: unit(np.stack(rows)) for key, rows in zip(("speaker", "text"), parts, strict=True)}


def compared(model: SpeakerModel, train: Corpus, test: Path) -> list[tuple[str, str, float]]:
    """List of trials, embedding and EER in percent of every comparison."""
    folder = open_corpus(test)
    people = folder.utterances
    rows = {person.id: row for row, person in enumerate(people)}
    own = factors_of(model, [person.waveform() for person in people])
    trained = factors_of(model, [u.waveform() for u in train.utterances])["text"]
    texts = np.array([u.text for u in train.utterances])
    wanted = {word: unit(trained[texts == word].mean(axis=0)) for word in set(texts)}
    both = own["speaker"] + own["text"]
    found = []
    for name in LISTS:
        trials = Trials.load(test / name)
        trials.check(folder)
        first, second = trials.positions(rows)
        for kind, vectors in (*own.items(), ("both", both)):
            cosine = (unit(vectors[first]) * unit(vectors[second])).sum(axis=1)
            found.append((name, kind, eer(cosine, trials.labels).percent))
        if name == "trials_adapted":
            there = np.stack([wanted[people[i].text] for i in second])
            adapted = unit(own["speaker"][first] + there)
            cosine = (adapted * unit(both[second])).sum(axis=1)
            found.append((name, "both, adapted", eer(cosine, trials.labels).percent))
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = study_parser(__doc__)
    parser.add_argument("checkpoint")
    parser.add_argument("train", type=Path, help="a prepared folder of words")
    parser.add_argument("test", type=Path, help="a folder that the study single_words wrote")
    options = parser.parse_args(arguments)
    with errors_in_one_line():
        print("| trials | embedding | EER % |\n| --- | --- | --- |")
        for name, kind, percent in compared(
            load(options.checkpoint), open_corpus(options.train), options.test
        ):
            print(f"| {name} | {kind} | {percent:.2f} |")


if __name__ == "__main__":
    main()
