"""Who talks and who enrols: speakers of one utterance, scenes of one corpus each."""

from dataclasses import replace

import pytest
from test_planning import person, scenes

from joint.data.corpus import Corpus, Utterance
from joint.data.joined import JoinedCorpus
from joint.data.scenes.planning import ScenePlanner
from joint.errors import ConfigError


def test_a_speaker_of_one_utterance_is_enrolled_with_its_other_half(corpus: Corpus) -> None:
    first = {u.speaker: u for u in reversed(corpus.utterances)}
    lone = corpus.utterances[0].speaker
    kept = [u for u in corpus.utterances if u.speaker != lone or u is first[lone]]
    some = Corpus(kept, "one of one utterance")
    planner = ScenePlanner(enrollments=2, chunk=2.0, enrollment=2.0, rest_enrols=True)
    planner.check(some)
    seen = 0
    for scene in scenes(some, planner):
        for enrollment in scene.enrollments:
            talk, enrol = scene.sources[enrollment.source].segment, enrollment.segment
            assert person(some, talk) == person(some, enrol)
            if some.speakers[person(some, talk)] != lone:
                assert talk.utterance != enrol.utterance
                continue
            early, late = sorted((talk, enrol), key=lambda s: s.start)
            assert early.start + early.length <= late.start
            half = some.utterances[talk.utterance].length(talk.speed) / 2
            assert min(talk.length, enrol.length) >= min(half, 32_000) - 1
            seen += 1
    assert seen > 10
    with pytest.raises(ConfigError, match=r"rest_enrols.*no delay"):
        replace(planner, delay=(0.2, 0.9)).check(some)


def test_rest_enrols_changes_nothing_where_all_have_several_utterances(corpus: Corpus) -> None:
    plain, other = ScenePlanner(chunk=2.0), ScenePlanner(chunk=2.0, rest_enrols=True)
    assert list(scenes(corpus, plain)) == list(scenes(corpus, other))


def test_scenes_of_one_corpus_each(corpus: Corpus) -> None:
    half = len(corpus.speakers) // 2
    first = {corpus.speakers[i] for i in range(half)}
    parts = {
        "one": Corpus([u for u in corpus.utterances if u.speaker in first], "one"),
        "two": Corpus([u for u in corpus.utterances if u.speaker not in first], "two"),
    }
    both = JoinedCorpus(parts)
    noisy = {"enrollment_noise_probability": 0.5, "absent_probability": 0.2}
    apart = ScenePlanner(chunk=2.0, one_corpus=True, **noisy)  # type: ignore[arg-type]
    apart.check(both)

    def corpora(planner: ScenePlanner) -> list[set[str]]:
        found = []
        for scene in scenes(both, planner, 1):
            segments = [s.segment for s in (*scene.sources, *scene.enrollments)]
            segments += [s for e in scene.enrollments if e.noise for s in e.noise.segments]
            found.append({both.speakers[person(both, s)].split("/")[0] for s in segments})
        return found

    assert all(len(names) == 1 for names in corpora(apart))
    assert {"one"} in corpora(apart) and {"two"} in corpora(apart)
    assert any(len(names) == 2 for names in corpora(replace(apart, one_corpus=False)))
    alone = JoinedCorpus({"all": corpus, "few": Corpus(others(corpus), "few")})
    with pytest.raises(ConfigError, match="found 1 speakers"):
        apart.check(alone)


def others(corpus: Corpus) -> list[Utterance]:
    """Two recordings of one person, at other paths."""
    return [replace(u, path=f"{u.path}.copy", age_group=None) for u in corpus.utterances[:2]]
