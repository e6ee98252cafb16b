"""Values of a recipe that no training can have, refused with the path of their key."""

import math
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, get_args

from joint.encoders.view import Switch
from joint.errors import ConfigError
from joint.training.building.objects import check_node
from joint.training.building.scenes import built_distortions

ACCELERATORS = ("cpu", "cuda", "gpu", "mps", "tpu", "auto")

SCENES = {
    **dict.fromkeys(("chunk", "enrollment", "speeds", "reverberation", "turn"), "more than 0"),
    **dict.fromkeys(("speakers", "delay"), "0 or more"),
    **dict.fromkeys(
        (
            "overlap",
            "absent_probability",
            "noise_probability",
            "room_probability",
            "enrollment_noise_probability",
            "enrollment_room_probability",
            "channel_probability",
            "babble_share",
            "recorded_noise_share",
            "recorded_room_share",
        ),
        "0 to 1",
    ),
}
RANGES = ("snr_db", "overlap", "delay", "noise_snr_db", "reverberation", "gain_db")
"""Settings of scenes that are a lower and an upper bound."""

TRAINER = {
    **dict.fromkeys(
        (
            "max_steps",
            "max_minutes",
            "accumulate",
            "checkpoint_steps",
            "checkpoint_minutes",
            "average_last",
            "log_every",
            "max_bad_steps",
        ),
        "more than 0",
    ),
    "workers": "0 or more",
}
OPTIMIZER = {
    **dict.fromkeys(("lr", "weight_decay", "lr_scale"), "0 or more"),
    **dict.fromkeys(("warmup_share", "final_share", "layer_decay"), "0 to 1"),
    "clip_norm": "more than 0",
}
STREAM = {"batch_size": "more than 0", "every": "more than 0"}
VALIDATION = {"batch_size": "more than 0", "batches": "more than 0", "every_minutes": "0 or more"}

WITHIN = {
    "more than 0": lambda number: number > 0,
    "0 or more": lambda number: number >= 0,
    "0 to 1": lambda number: 0 <= number <= 1,
}


def check_values(config: Mapping[str, Any], packages: Sequence[str] = ()) -> None:
    """Raise ConfigError for a value of a recipe, as plain mappings, that cannot be used.

    Refused: a number that is not finite or out of its range, a range whose bounds are the wrong way
    round, an unknown choice, and a `_target_` that `build` would refuse. Nothing is built.
    """
    for where, number in _numbers(config, ""):
        if not math.isfinite(number):
            raise ConfigError(where, str(number), "a finite number")
    _hold("trainer", config["trainer"], TRAINER)
    _choice("trainer.accelerator", config["trainer"]["accelerator"], ACCELERATORS)
    _hold("optimizer", config["optimizer"], OPTIMIZER)
    for name, group in config["optimizer"]["groups"].items():
        _hold(f"optimizer.groups.{name}", group, OPTIMIZER)
    for name, stream in config["streams"].items():
        _hold(f"streams.{name}", stream, STREAM)
        _scenes(f"streams.{name}.scenes", stream["scenes"], packages)
    if config["validation"] is not None:
        _hold("validation", config["validation"], VALIDATION)
        _scenes("validation.scenes", config["validation"]["scenes"], packages)
    check_node(config["encoder"], "encoder", packages)
    if config["balance"] is not None:
        check_node(config["balance"], "balance", packages)
    for name, task in config["tasks"].items():
        where = f"tasks.{name}"
        _hold(where, task, {"weight": "0 or more"})
        _choice(f"{where}.encoder", task["encoder"], get_args(Switch))
        check_node(task["task"], f"{where}.task", packages)
        if task["adapter"] is not None:
            check_node(task["adapter"], f"{where}.adapter", packages)
            if task["encoder"] != "adapter":
                found = f"an adapter, and 'encoder' is {task['encoder']}"
                raise ConfigError(f"{where}.adapter", found, "none, or 'encoder' as adapter")


def _numbers(value: Any, where: str) -> Iterator[tuple[str, float]]:
    """The fractional numbers in `value` with their keys."""
    if isinstance(value, float):
        yield where, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _numbers(item, f"{where}.{key}" if where else str(key))
    elif isinstance(value, list | tuple):
        for position, item in enumerate(value):
            yield from _numbers(item, f"{where}[{position}]")


def _hold(where: str, values: Mapping[str, Any], bounds: Mapping[str, str]) -> None:
    """Hold numbers, and those in lists, to their bounds; what is None is not set."""
    for key, value in values.items():
        expected = bounds.get(key)
        if expected is None or value is None:
            continue
        numbers = value if isinstance(value, list | tuple) else [value]
        if not all(map(WITHIN[expected], numbers)):
            raise ConfigError(f"{where}.{key}", str(value), expected)


def _scenes(where: str, scenes: Mapping[str, Any], packages: Sequence[str]) -> None:
    built_distortions(scenes["distortions"], where, packages)
    _hold(where, scenes, SCENES)
    for key in RANGES:
        bounds = scenes[key]
        if bounds is not None and (len(bounds) != 2 or bounds[0] > bounds[1]):
            raise ConfigError(
                f"{where}.{key}", str(list(bounds)), "two bounds, the lower one first"
            )


def _choice(where: str, value: str, options: Sequence[str]) -> None:
    if value not in options:
        near = get_close_matches(value, options, 1)
        hint = f" ({near[0]!r}, perhaps)" if near else ""
        raise ConfigError(where, repr(value), f"{' or '.join(options)}{hint}")
