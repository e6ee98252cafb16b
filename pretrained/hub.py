"""Speaker encoders on huggingface.co that can be imported, by name."""

from difflib import get_close_matches
from pathlib import Path

from joint.errors import CheckpointError

REPOSITORIES = (
    "Wespeaker/wespeaker-cnceleb-resnet34",
    "Wespeaker/wespeaker-cnceleb-resnet34-LM",
    "Wespeaker/wespeaker-ecapa-tdnn512-LM",
    "Wespeaker/wespeaker-voxceleb-campplus",
    "Wespeaker/wespeaker-voxceleb-campplus-LM",
    "Wespeaker/wespeaker-voxceleb-ecapa-tdnn1024",
    "Wespeaker/wespeaker-voxceleb-ecapa-tdnn1024-LM",
    "Wespeaker/wespeaker-voxceleb-ecapa-tdnn512",
    "Wespeaker/wespeaker-voxceleb-resnet152-LM",
    "Wespeaker/wespeaker-voxceleb-resnet221-LM",
    "Wespeaker/wespeaker-voxceleb-resnet293-LM",
    "Wespeaker/wespeaker-voxceleb-resnet34",
    "Wespeaker/wespeaker-voxceleb-resnet34-LM",
    "Wespeaker/wespeaker-voxlink2-samresnet34_ft",
    "speechbrain/spkrec-ecapa-voxceleb",
    "speechbrain/spkrec-resnet-voxceleb",
    "speechbrain/spkrec-xvect-voxceleb",
)
UNREAD = ("*.onnx", "*.wav", "*.flac", "*.md")
"""Files of such repositories that are neither weights nor configuration; not downloaded."""


def folder_of(name: str) -> Path:
    """The repository `name` in the hub's own cache, downloaded where it is not there yet.

    Raises CheckpointError for a name that is not known, and where the hub cannot be reached.
    """
    if name not in REPOSITORIES:
        known = {repository.lower(): repository for repository in REPOSITORIES}
        near = [known[key] for key in get_close_matches(name.lower(), known, 3, 0.0)]
        expected = f"a file, a folder or a known name such as {', '.join(near)}"
        raise CheckpointError(name, "neither a path nor a known name", expected)
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        extra = "pip install 'joint-speaker[hub]', or a local folder"
        raise CheckpointError(name, "no huggingface_hub", extra) from None
    try:
        return Path(snapshot_download(name, ignore_patterns=list(UNREAD)))
    except Exception as error:  # the hub's errors share no base, and change with its versions
        found = f"no answer from the hub ({type(error).__name__}; offline?)"
        raise CheckpointError(name, found, "a connection, or a local folder instead") from None
