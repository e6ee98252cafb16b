"""The parts of VoxCeleb that one may train on."""

from enum import StrEnum


class TrainOn(StrEnum):
    """Whose dev split: with VoxCeleb1 in it, only Vox1-O is left to test on."""

    VOXCELEB2 = "voxceleb2"
    VOXCELEB1 = "voxceleb1"
    BOTH = "both"
