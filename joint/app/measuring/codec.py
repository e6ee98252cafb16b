"""What `joint evaluate codec` measures: copies by fewer quantisers, and what each of them holds."""

from functools import partial

from analysis.probing.codec import probe_codec
from analysis.probing.study import PHONES, Material
from joint.app.api import SpeakerModel
from joint.app.measuring.speech import copying
from joint.data.corpus import Corpus
from joint.errors import CheckpointError
from joint.synthesis.codec.codec import Codec
from joint.synthesis.evaluation.copies import Copy
from tasks.codec.task import CodecTask

QUESTIONS = {PHONES: "phones_percent", "speaker": "speaker_percent"}
"""What is asked of each quantiser, and the name of its figure."""
UTTERANCES = 800
"""Most that are probed."""
ALONE = "vocoder alone"


def codec_of(model: SpeakerModel) -> Codec:
    """The checkpoint's codec. Raises CheckpointError where there is none."""
    if "codec" not in model.model.tasks:
        found = f"tasks {', '.join(model.model.tasks) or 'none'}"
        raise CheckpointError(model.path, found, "one with a codec task")
    task = model.model.task("codec")
    assert isinstance(task, CodecTask)
    return task.codec


def copies_by(codec: Codec) -> dict[str, Copy]:
    """Copies by 1, 2, 4 … quantisers, by all, and by the vocoder without a codec."""
    every, device = len(codec.quantizer), next(codec.parameters()).device
    copies = {}
    for count in sorted({2**power for power in range(every.bit_length())} | {every}):
        name = f"{count} quantiser{'s' * (count > 1)}"
        copies[name] = copying(partial(codec.copy_of, quantizers=count), device)
    return copies | {ALONE: copying(codec.vocoder.copy_of, device)}


def by_quantizer(codec: Codec, corpus: Corpus) -> dict[str, dict[str, float]]:
    """Balanced accuracy, in percent, of linear probes on each quantiser's vectors, for phones of
    unknown speakers and for speakers of unknown texts. Raises DataError for a corpus without
    phones."""
    material = Material.of(corpus, UTTERANCES, tuple(QUESTIONS))
    table: dict[str, dict[str, float]] = {}
    for finding in probe_codec(codec, material, "probing"):
        if finding.probe == "linear":
            row = table.setdefault(finding.layer, {})
            row[QUESTIONS[finding.target]] = 100.0 * finding.value
    return table
