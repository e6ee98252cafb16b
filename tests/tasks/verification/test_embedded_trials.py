"""The trials that travel with the repository fit the folder that they lie in."""

from pathlib import Path

import numpy as np

from joint.data.opening import open_corpus
from tasks.verification.trials import Trials


def test_the_trials_name_what_is_there(embedded_corpus: Path):
    folder = open_corpus(embedded_corpus / "test")
    trials = Trials.load(embedded_corpus / "test" / "trials")
    trials.check(folder)
    speakers = np.array([folder.by_id[name].speaker for name in trials.names])
    assert np.array_equal(trials.labels, speakers[trials.first] == speakers[trials.second])
