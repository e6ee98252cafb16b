"""What a training keeps of itself: one JSON object a line, also after a kill."""

import json
from pathlib import Path

from joint.training.config import TrainerConfig
from joint.training.progress import TrainingLog

CONFIG = TrainerConfig(max_steps=10, log_every=2)


def steps(path: Path) -> list[int]:
    return [json.loads(line)["step"] for line in path.read_text().splitlines()]


def counters(step: int) -> dict[str, float]:
    return {"step": step, "minutes": 0.1, "scenes": 4 * step, "progress": step / 10}


def test_every_other_step_and_the_last(tmp_path: Path) -> None:
    with TrainingLog(tmp_path, CONFIG, True, 0) as log:
        for step in (1, 2, 3, 4):
            log.step(counters(step), {"loss": 1.0})
        log.step({**counters(5), "progress": 1.0}, {"loss": 1.0})
    assert steps(tmp_path / "metrics.jsonl") == [2, 4, 5]


def test_a_resumed_log_drops_what_comes_again(tmp_path: Path) -> None:
    lines = [json.dumps({"step": step}) for step in (2, 4, 6)]
    (tmp_path / "metrics.jsonl").write_text("\n".join([*lines, '{"step": 8, "lo']))
    with TrainingLog(tmp_path, CONFIG, True, 4, start_scenes=16) as log:
        log.step(counters(6), {"loss": 1.0})
    assert steps(tmp_path / "metrics.jsonl") == [2, 4, 6]
    last = json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[-1])
    assert last["scenes_per_second"] * 1e-9 < 1 and last["loss"] == 1.0


def test_validation_figures(tmp_path: Path) -> None:
    with TrainingLog(tmp_path, CONFIG, True, 0) as log:
        log.validation(counters(3), {"verification/eer_percent": 12.5})
    (line,) = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert json.loads(line)["validation"] == {"verification/eer_percent": 12.5}


def test_other_ranks_are_silent(tmp_path: Path) -> None:
    with TrainingLog(tmp_path / "none", CONFIG, False, 0) as log:
        log.step(counters(2), {"loss": 1.0})
        log.validation(counters(2), {})
    assert not (tmp_path / "none").exists()
