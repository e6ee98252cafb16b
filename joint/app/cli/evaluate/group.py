"""`joint evaluate`: the figures of a checkpoint on a test set, one subcommand for each task."""

import typer

from joint.app.cli.checked import CheckedCommand
from joint.app.cli.evaluate.audiolm import audiolm
from joint.app.cli.evaluate.conversations.activity import activity
from joint.app.cli.evaluate.conversations.diarization import diarization
from joint.app.cli.evaluate.conversations.transcript import transcript
from joint.app.cli.evaluate.conversion import conversion
from joint.app.cli.evaluate.copies.codec import codec
from joint.app.cli.evaluate.copies.vocoder import vocoder
from joint.app.cli.evaluate.extraction import extraction
from joint.app.cli.evaluate.phonetics import phonetics
from joint.app.cli.evaluate.recognition import recognition
from joint.app.cli.evaluate.synthesis import synthesis
from joint.app.cli.evaluate.verification import verification
from joint.app.cli.generation.evaluate import voices

evaluate = typer.Typer(
    no_args_is_help=True, help="Evaluate a checkpoint on a test set, one subcommand for each task."
)
TASKS = (
    verification,
    extraction,
    phonetics,
    recognition,
    diarization,
    activity,
    transcript,
    audiolm,
    vocoder,
    codec,
    synthesis,
    conversion,
    voices,
)
for task in TASKS:
    evaluate.command(cls=CheckedCommand)(task)
