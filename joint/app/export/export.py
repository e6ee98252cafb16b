"""Export of a checkpoint: its parts as files that other runtimes read, each checked on real
speech."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import joint
from joint.app.api import SpeakerModel
from joint.app.engine.files import FORMAT
from joint.app.export.capture import captured, refusal
from joint.app.export.parts.base import Part
from joint.app.export.parts.encoder import EncoderPart
from joint.app.export.parts.extractor import ExtractorPart
from joint.app.export.parts.recogniser import RecogniserPart
from joint.app.export.parts.vocoder import VocoderPart
from joint.app.export.quantising import error_percent, quantised
from joint.app.export.speech import some_speech
from joint.app.export.writing import ENDINGS, WRITERS
from joint.errors import CheckpointError, ConfigError, JointError
from joint.files import atomic_path
from joint.units import SAMPLE_RATE
from tasks.extraction.enrolment.overlap import KEY as OVERLAP
from tasks.extraction.presence import KEY as PRESENCE
from tasks.extraction.task import ExtractionTask
from tasks.recognition.task import RecognitionTask
from tasks.vocoder.task import VocoderTask

KINDS = ("encoder", "extractor", "recogniser", "vocoder")


@dataclass(frozen=True)
class Exported:
    """A file, and how it compares with the checkpoint."""

    path: Path
    description: str


def export(
    model: SpeakerModel,
    folder: Path,
    form: str = "onnx",
    kinds: Sequence[str] = (),
    calibration: Sequence[np.ndarray] | None = None,
) -> list[Exported]:
    """Write the parts of `model` of these `kinds`, all that it has where there are none, into
    `folder`, in the format `form`.

    Each file is run on real speech of the embedded corpus and compared with torch in float32. Where
    one of them differs, or cannot be written, none is. With `calibration`, waveforms `(S,)`, the
    encoder is also written in 8-bit integers, whose ranges these waveforms tell.

    Raises CheckpointError for a part that the checkpoint does not have, for a layer that cannot be
    exported, which it names, and for a file that differs; ConfigError for an unknown format or
    kind, and where a package is missing.
    """
    if form not in WRITERS:
        raise ConfigError("format", repr(form), " or ".join(WRITERS))
    if calibration is not None and (form != "onnx" or (kinds and "encoder" not in kinds)):
        found = f"format {form}, parts {', '.join(kinds) or 'all'}"
        raise ConfigError("int8", found, "an encoder in the format onnx")
    parts = parts_of(model, kinds)
    speech = [torch.from_numpy(recording) for recording in some_speech()]
    with _removed_again(folder), ExitStack() as stack:
        exported = []
        for part in parts:
            path = folder / f"{part.name}{ENDINGS[form]}"
            temporary = stack.enter_context(atomic_path(path))
            agreement = write_part(model, part.eval(), speech, form, temporary)
            found = f"{part.measure} to torch in float32: {agreement:.7g} or more"
            exported.append(Exported(path, found))
            if calibration is not None and part.kind == "encoder":
                path = path.with_suffix(f".int8{path.suffix}")
                integers = stack.enter_context(atomic_path(path))
                quantised(temporary, integers, calibration)
                before, after = error_percent(temporary), error_percent(integers)
                found = f"EER {after:.2f} % of the held-out speakers, in float32 {before:.2f} %"
                exported.append(Exported(path, found))
        return exported


@contextmanager
def _removed_again(folder: Path) -> Iterator[None]:
    """Where the block fails, a `folder` that it has made is not left behind."""
    there = folder.exists()
    try:
        yield
    except BaseException:
        if not there:
            with suppress(OSError):  # not empty, or never made
                folder.rmdir()
        raise


def write_part(
    model: SpeakerModel, part: Part, speech: Sequence[Tensor], form: str, path: Path
) -> float:
    """Write one part to `path`; gives how well it agrees with torch on the worst of its examples.

    Raises CheckpointError as `export`.
    """
    examples = part.examples(speech)
    program = captured(part, examples[0], model.model, model.path)
    try:
        run = WRITERS[form](program, part, metadata_of(model, part), path)
    except (JointError, OSError):
        raise
    except Exception as error:  # an operator that the format does not have
        raise refusal(error, part, model.model, model.path) from error
    agreements = []
    for inputs in examples:
        with torch.no_grad():
            expected = part(*inputs)
        expected = [expected] if isinstance(expected, Tensor) else list(expected)
        agreements.append(part.agreement(run(inputs), expected))
    if not (worst := min(agreements)) >= part.least:
        found = f"an export of its {part.kind} with a {part.measure} of {worst:.6g} to torch"
        raise CheckpointError(model.path, found, f"{part.least:g} or more on real speech")
    return worst


def parts_of(model: SpeakerModel, kinds: Sequence[str] = ()) -> list[Part]:
    """The parts of these `kinds`; all that there are where none is named. Raises ConfigError,
    CheckpointError."""
    whole = model.model
    makers: dict[str, dict[str, Callable[[], Part]]] = {kind: {} for kind in KINDS}
    makers["encoder"][""] = partial(EncoderPart, whole.encoder)
    for name in whole.tasks:
        task = whole.task(name)
        if isinstance(task, ExtractionTask):
            makers["extractor"][name] = partial(ExtractorPart, whole, name)
        elif isinstance(task, RecognitionTask):
            makers["recogniser"][name] = partial(RecogniserPart, whole, name)
        elif isinstance(task, VocoderTask):
            makers["vocoder"][name] = partial(VocoderPart, task.vocoder)
    for kind in kinds:
        if kind not in makers:
            raise ConfigError("part", repr(kind), " or ".join(KINDS))
        if not makers[kind]:
            raise CheckpointError(
                model.path, f"tasks {', '.join(whole.tasks) or 'none'}", f"one with an {kind}"
            )
    parts: list[Part] = []
    for kind in dict.fromkeys(kinds or KINDS):
        for name, make in makers[kind].items():
            parts.append(make())
            if len(makers[kind]) > 1:
                parts[-1].name = f"{kind}-{name}"
    return parts


def metadata_of(model: SpeakerModel, part: Part) -> Mapping[str, Any]:
    """What a file says: its format, the checkpoint, what its inputs are, and the checkpoint's
    thresholds."""
    calibration = model.metadata.get("calibration")
    return {
        "format": FORMAT,
        "part": part.kind,
        "name": model.identity.name,
        "fingerprint": model.identity.fingerprint,
        "joint_version": joint.__version__,
        "sample_rate": SAMPLE_RATE,
        "inputs": {name: list(axes) for name, axes in part.inputs.items()},
        "outputs": {name: list(axes) for name, axes in part.outputs.items()},
        "threshold": model.threshold,
        "calibration": calibration,
        "diarization_threshold": model.diarization_threshold,
        "domain": model.metadata.get("domain"),
        PRESENCE: model.metadata.get(PRESENCE),
        OVERLAP: model.metadata.get(OVERLAP),
        "licence": model.metadata.get("licence"),
        **part.metadata,
    }
