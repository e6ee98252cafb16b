"""The trials that travel with the repository fit the folder that they lie in."""

from pathlib import Path

from joint.data.kaldi import KaldiFolder
from tasks.verification.trials import Trials


def test_the_trials_name_what_is_there(embedded_corpus: Path):
    folder = KaldiFolder.load(embedded_corpus / "test")
    trials = Trials.load(embedded_corpus / "test" / "trials")
    trials.check(folder)
    people = folder.utterances
    same = [
        people[a].speaker == people[b].speaker
        for a, b in zip(trials.first, trials.second, strict=True)
    ]
    assert trials.labels.tolist() == same
