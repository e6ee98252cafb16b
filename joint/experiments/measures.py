"""What a grid measures of each run beside the figures of its tasks."""

from dataclasses import dataclass, field


@dataclass
class MeasuresConfig:
    """What is measured of a run's encoder, and how much of its tasks.

    Args:
        trials: Prepared folders with `trials`, by names: a column of EERs each.
        conditions: What is done to both sides of the test's trials, by the names of
            tasks.verification.conditions: a column of EERs each, on 400 of the recordings.
        questions: What linear probes ask of the embeddings of the test set, by the names of
            analysis.probing.study: a column each, balanced accuracy or R².
        recordings: Of the test set that are probed, balanced over speakers.
        mixtures, conversations: How many of the first extraction and recognition are evaluated on;
            None: all.
    """

    trials: dict[str, str] = field(default_factory=dict)
    conditions: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    recordings: int = 400
    mixtures: int | None = None
    conversations: int | None = None
