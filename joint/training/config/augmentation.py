"""Recorded noises and rooms that a recipe adds to the simulated ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joint.data.recorded.folders import MUSIC, NOISE, SPEECH
from joint.data.recorded.surroundings import SNR_DB
from joint.errors import ConfigError
from joint.training.config.corpora import Named, names_of, refuse_twice
from joint.training.config.wording import shown
from joint.units import Decibels


@dataclass
class AugmentationConfig:
    """Recordings beside the simulated noises and rooms of all scenes, validation included: `noise`
    and `rooms` are each a folder of audio, shards of one (`joint shard --kind`) as folder or URL,
    or a list of such. They are packed into `data.cache` once.

    Folders as MUSAN has them (`music`, `noise`, `speech`) say what a file is; speech becomes babble
    of 3 to 7 voices; of RIRS_NOISES each key takes what belongs to it; elsewhere every file is a
    noise or a response. The levels are those of the speech over each kind of noise. How often
    recordings are drawn is `recorded_noise_share` and `recorded_room_share` of the scenes.
    """

    noise: Any = None
    rooms: Any = None
    noise_snr_db: tuple[Decibels, Decibels] = SNR_DB[NOISE]
    music_snr_db: tuple[Decibels, Decibels] = SNR_DB[MUSIC]
    babble_snr_db: tuple[Decibels, Decibels] = SNR_DB[SPEECH]

    @property
    def snr_db(self) -> dict[str, tuple[Decibels, Decibels]]:
        """The levels by kinds of noise."""
        return {NOISE: self.noise_snr_db, MUSIC: self.music_snr_db, SPEECH: self.babble_snr_db}


def named_folders(value: Any, where: str) -> dict[str, Named] | None:
    """The folders of a key by their names; None where it is one. Raises ConfigError."""
    if isinstance(value, str) and value:
        return None
    if not isinstance(value, list) or not all(isinstance(path, str) and path for path in value):
        raise ConfigError(where, shown(value), "a folder or URL, or a list of them")
    refuse_twice({f"{where}[{place}]": path for place, path in enumerate(value)})
    return {n: Named(path) for n, path in zip(names_of(value, where), value, strict=True)}


def check_augmentation(
    path: object, config: AugmentationConfig, cache: str | None, scenes: Mapping[str, Any]
) -> None:
    """Raise ConfigError for what `augmentation` cannot have, for recordings without a cache, and
    for those that none of the `scenes`, by their keys, would have. `path` is the recipe's file."""
    for key in ("noise_snr_db", "music_snr_db", "babble_snr_db"):
        where, bounds = f"{path}: augmentation.{key}", getattr(config, key)
        if len(bounds) != 2 or bounds[0] > bounds[1]:
            raise ConfigError(where, str(list(bounds)), "two bounds, the lower one first")
    for key, kind in (("noise", "noise"), ("rooms", "room")):
        value, where = getattr(config, key), f"{path}: augmentation.{key}"
        if value is None:
            continue
        named_folders(value, where)
        if cache is None:
            raise ConfigError(f"{path}: data.cache", "none", f"a folder: {key} is packed there")
        if not any(
            getattr(planner, f"recorded_{kind}_share")
            and (
                getattr(planner, f"{kind}_probability")
                or getattr(planner, f"enrollment_{kind}_probability")
            )
            for planner in scenes.values()
        ):
            expected = f"{kind}_probability or enrollment_{kind}_probability of some scenes above 0"
            raise ConfigError(where, "no scenes that have it", expected)
