"""Target-speaker voice activity detection beside clustering, on simulated conversations."""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sklearn.metrics import average_precision_score

from joint.conversation.activity import at_steps, spoken_steps, turns_of
from joint.data.corpus import Corpus
from joint.errors import CheckpointError
from joint.metrics.activity import Errors
from joint.training.memory import giving_back
from joint.training.progress import shown
from tasks.activity.evaluate import add_errors, conversations, matched
from tasks.activity.second_pass import find_with
from tasks.activity.task import ActivityTask
from tasks.diarization.evaluate import evaluate_diarization
from tasks.diarization.pipeline import Diarizer
from tasks.diarization.segments import oracle_speech

if TYPE_CHECKING:
    from joint.app.api import SpeakerModel

CLUSTERING = "clustering, speech and number given"
SPEECH_GIVEN = "{}, speech given"
DER = ("der_percent", "missed_percent", "false_alarm_percent", "confusion_percent")


def evaluate_activity(
    model: "SpeakerModel",
    corpus: Corpus,
    speakers: int,
    count: int,
    seed: int,
    progress: bool = False,
) -> dict[str, Any]:
    """Figures of each system on `count` conversations of so many `speakers`. A task that knows all
    people is measured as it is, and where speech is given too: then somebody speaks, and nobody
    elsewhere.

    `frame_error_percent` is the share of wrong decisions about a person and a frame of 10 ms,
    clusters matched with the people as well as can be; the DER and its parts are those of
    `evaluate_diarization`; `target_average_precision` is that of the probabilities.

    Raises CheckpointError for a model without a task of activity, ConfigError for a corpus with too
    few speakers.
    """
    tasks = {n: t for n, t in model.model.tasks.items() if isinstance(t, ActivityTask)}
    if not tasks:
        named = f"tasks {', '.join(model.model.tasks) or 'none'}"
        raise CheckpointError(model.path, named, "one with an activity task")
    finds = {n: find_with(t, model.model.view(n), model.device) for n, t in tasks.items()}
    diarizer, reference = Diarizer(model.embed), {}
    given = {name: SPEECH_GIVEN.format(name) for name, task in tasks.items() if task.people}
    errors = {name: Errors() for name in (CLUSTERING, *tasks, *given.values())}
    turns: dict[str, dict[str, Any]] = {name: {} for name in errors}
    scores: dict[str, list[np.ndarray]] = {name: [] for name in tasks}
    known, overlapped = [], np.zeros(2)
    drawn = conversations(corpus, speakers, count, seed)
    for each in giving_back(shown(drawn, "conversations", progress, total=count)):
        samples, names = len(each.waveform), each.names
        reference[each.name] = each.turns
        known.append(each.active.ravel())
        overlapped += each.overlap
        found = {CLUSTERING: diarizer(each.waveform, oracle_speech(each.turns), speakers)}
        clusters = list(dict.fromkeys(turn.speaker for turn in found[CLUSTERING]))
        steps = spoken_steps(found[CLUSTERING], clusters, samples)
        add_errors(errors[CLUSTERING], matched(steps, each.active), each.active)
        for name, find in finds.items():
            with torch.inference_mode():
                activity = find(each.waveform, each.enrolled)
            found[name] = turns_of(activity, names, samples)
            if name in given:
                speech = np.asarray(each.active.any(axis=0))
                found[given[name]] = turns_of(activity, names, samples, speech=speech)
            scores[name].append(at_steps(activity, samples).ravel())
        for name, own in found.items():
            if name != CLUSTERING:
                add_errors(errors[name], spoken_steps(own, names, samples), each.active)
            turns[name][each.name] = own
    systems: dict[str, dict[str, float]] = {}
    for name, sessions in turns.items():
        rates = evaluate_diarization(reference, sessions)
        systems[name] = {
            "frame_error_percent": errors[name].figures()["frame_error_percent"],
            **{figure: rates[figure] for figure in DER},
        }
        if name in scores:
            precision = average_precision_score(np.concatenate(known), np.concatenate(scores[name]))
            systems[name]["target_average_precision"] = float(precision)
    return {
        "conversations": count,
        "overlap_percent": 100.0 * overlapped[0] / max(overlapped[1], 1.0),
        "by_system": systems,
    }
