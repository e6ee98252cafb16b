"""What a training keeps of itself: one JSON object a line, also after a kill."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from joint.errors import ConfigError
from joint.training import progress
from joint.training.config.schema import TrainerConfig
from joint.training.examples import spectrogram, within_full_scale
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


def test_a_resumed_log_drops_what_comes_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [json.dumps({"step": step}) for step in (2, 4, 6)]
    (tmp_path / "metrics.jsonl").write_text("\n".join([*lines, '{"step": 8, "lo']))
    clock = iter([100.0, 102.0])
    monkeypatch.setattr(progress, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    with TrainingLog(tmp_path, CONFIG, True, 4, start_scenes=16) as log:
        log.step(counters(6), {"loss": 1.0})
    assert steps(tmp_path / "metrics.jsonl") == [2, 4, 6]
    last = json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[-1])
    # 24 scenes in all, 16 of them before the run was resumed, in two seconds
    assert last["scenes_per_second"] == 4.0 and last["loss"] == 1.0


def test_no_file_before_the_first_step_is_done(tmp_path: Path) -> None:
    output = tmp_path / "run"
    with pytest.raises(ConfigError), TrainingLog(output, CONFIG, True, 0):
        raise ConfigError("streams", "no batch", "one")
    assert not output.exists()


def test_validation_figures(tmp_path: Path) -> None:
    with TrainingLog(tmp_path, CONFIG, True, 0) as log:
        log.validation(counters(3), {"verification/eer_percent": 12.5})
    (line,) = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert json.loads(line)["validation"] == {"verification/eer_percent": 12.5}


def test_sounds_are_written_ten_times_and_only_where_they_changed(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    time = torch.arange(8000) / 16_000
    with TrainingLog(tmp_path, CONFIG, True, 0) as log:
        for step in range(1, 21):
            now = {**counters(step), "progress": step / 20}
            if log.examples_due(now):
                estimate = torch.sin(2 * torch.pi * 100 * step * time)
                log.examples(now, {"0/mixture": torch.sin(6283 * time), "0/estimate": estimate})
    found = EventAccumulator(str(tmp_path / "tensorboard"), {"audio": 0, "images": 0}).Reload()
    assert [event.step for event in found.Audio("0/mixture")] == [1]
    steps = [event.step for event in found.Audio("0/estimate")]
    assert steps == [event.step for event in found.Images("0/estimate")]
    assert steps[0] == 1 and steps[-1] == 20 and 10 <= len(steps) <= 11
    picture = spectrogram(torch.sin(2 * torch.pi * 1000 * time))
    assert picture.shape[:2] == (1, 257)
    assert (picture[0].argmax(0) == 256 - 32).all()  # 1 kHz, from below


def test_other_ranks_are_silent(tmp_path: Path) -> None:
    with TrainingLog(tmp_path / "none", CONFIG, False, 0) as log:
        log.step(counters(2), {"loss": 1.0})
        log.validation(counters(2), {})
        log.examples(counters(2), {"0/mixture": torch.zeros(800)})
    assert not (tmp_path / "none").exists()


def test_loud_examples_are_brought_to_full_scale() -> None:
    sound = torch.tensor([0.5, -0.25])
    assert torch.equal(within_full_scale(sound), sound)
    torch.testing.assert_close(within_full_scale(8.0 * sound), torch.tensor([1.0, -0.5]))
    assert within_full_scale(torch.zeros(0)).shape == (0,)
