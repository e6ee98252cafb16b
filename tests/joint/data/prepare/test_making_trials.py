"""Drawn trials of several languages."""

from joint.data.corpus import Utterance
from joint.data.prepare.trials import make_trials


def test_most_nontarget_trials_are_of_one_language() -> None:
    rows = [Utterance(f"{s:02d}-{n}", "x.wav", f"{s:02d}", "") for s in range(12) for n in range(4)]
    languages = {u.id: "ab"[int(u.speaker) % 2] for u in rows}
    trials = make_trials(rows, 6, 1, languages)
    others = [t for t in trials if not t.label]
    shared = [t for t in others if languages[t.first] == languages[t.second]]
    assert len(others) == 4 * 12 * 6 and len(shared) == len(others) * 3 // 4
    assert sum(t.label for t in trials) == 12 * 6
    assert make_trials(rows, 6, 1) != trials == make_trials(rows[::-1], 6, 1, languages)
