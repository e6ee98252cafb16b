"""The table of moved classes: checkpoints and recipes may name a class by its former path."""

MODULES = {
    "joint.encoders.campplus": "joint.encoders.backbones.campplus",
    "joint.encoders.conformer": "joint.encoders.backbones.conformer",
    "joint.encoders.dfresnet": "joint.encoders.backbones.residual.dfresnet",
    "joint.encoders.dvector": "joint.encoders.backbones.dvector",
    "joint.encoders.ecapa": "joint.encoders.backbones.ecapa",
    "joint.encoders.eres2net": "joint.encoders.backbones.residual.eres2net",
    "joint.encoders.frontends": "joint.encoders.frontends.filterbank",
    "joint.encoders.mel": "joint.encoders.frontends.mel",
    "joint.encoders.multihead_pooling": "joint.encoders.pooling.multihead",
    "joint.encoders.next_tdnn": "joint.encoders.backbones.next_tdnn",
    "joint.encoders.phonetic": "joint.encoders.backbones.phonetic",
    "joint.encoders.pooling": "joint.encoders.pooling.statistics",
    "joint.encoders.rawnet": "joint.encoders.backbones.rawnet",
    "joint.encoders.redimnet": "joint.encoders.backbones.redimnet",
    "joint.encoders.redimnet_blocks": "joint.encoders.backbones.redimnet_blocks",
    "joint.encoders.repvgg": "joint.encoders.backbones.residual.repvgg",
    "joint.encoders.res2net": "joint.encoders.backbones.residual.res2net",
    "joint.encoders.resnet": "joint.encoders.backbones.residual.resnet",
    "joint.encoders.seresnet": "joint.encoders.backbones.residual.seresnet",
    "joint.encoders.simam": "joint.encoders.backbones.residual.simam",
    "joint.encoders.sinc": "joint.encoders.frontends.sinc",
    "joint.encoders.speechbrain_features": "joint.encoders.frontends.speechbrain",
    "joint.encoders.tdnn": "joint.encoders.backbones.tdnn",
    "joint.encoders.xi": "joint.encoders.pooling.xi",
    "joint.layers.adapters": "joint.adapters.low_rank",
    "joint.layers.bottleneck": "joint.adapters.bottleneck",
    "joint.layers.frame_fusion": "joint.conditioning.frame_fusion",
    "joint.layers.fusion": "joint.conditioning.fusion",
    "joint.layers.local_similarity": "joint.conditioning.local_similarity",
    "joint.synthesis.content": "tasks.conversion.content",
    "tasks.base": "joint.task",
    "tasks.conditions.head": "tasks.verification.auxiliary.recording_condition",
    "tasks.diarization.diarizer": "tasks.diarization.inference",
    "tasks.extraction.bands": "tasks.extraction.extractors.bands",
    "tasks.extraction.bsrnn": "tasks.extraction.extractors.bsrnn",
    "tasks.extraction.head": "tasks.extraction.task",
    "tasks.extraction.metrics": "joint.metrics.separation",
    "tasks.extraction.perceptual": "joint.metrics.perceptual",
    "tasks.extraction.profile": "tasks.extraction.extractors.profile",
    "tasks.extraction.recognizers": "joint.metrics.recognizers",
    "tasks.extraction.sequence": "tasks.extraction.extractors.sequence",
    "tasks.extraction.spectrum": "tasks.extraction.extractors.spectrum",
    "tasks.phonetics.head": "tasks.phonetics.task",
    "tasks.phonetics.pronunciation": "joint.text.pronunciation",
    "tasks.phrases.head": "tasks.verification.auxiliary.text_dependent",
    "tasks.recognition.alignment": "tasks.recognition.objectives.alignment",
    "tasks.recognition.attention": "tasks.recognition.objectives.attention",
    "tasks.recognition.attribution": "tasks.recognition.conversations.attribution",
    "tasks.recognition.cascades": "tasks.recognition.conversations.cascades",
    "tasks.recognition.conversations": "tasks.recognition.conversations.lists",
    "tasks.recognition.face": "tasks.recognition.task",
    "tasks.recognition.faces": "tasks.recognition.topologies",
    "tasks.recognition.language_model": "tasks.recognition.decoding.language_model",
    "tasks.recognition.metrics": "joint.metrics.words",
    "tasks.recognition.permutation": "tasks.recognition.objectives.permutation",
    "tasks.recognition.pieces": "joint.text.pieces",
    "tasks.recognition.reading": "tasks.recognition.inference",
    "tasks.recognition.serialization": "tasks.recognition.objectives.serialization",
    "tasks.recognition.serialized": "tasks.recognition.objectives.serialized",
    "tasks.recognition.timing": "tasks.recognition.decoding.timing",
    "tasks.recognition.units": "joint.text.units",
    "tasks.verification.frame_speakers": "tasks.verification.auxiliary.frame_speaker",
    "tasks.verification.head": "tasks.verification.task",
    "tasks.verification.metrics": "joint.metrics.detection",
}
"""Former module → current one."""

NAMES: dict[str, str] = {}
"""Former dotted name of one class or function, after its module's move → current one."""


def current_path(target: str) -> str:
    """The current dotted path of what `target` names; other names stay as they are."""
    module, _, name = target.rpartition(".")
    moved = f"{MODULES.get(module, module)}.{name}" if module else target
    return NAMES.get(moved, moved)
