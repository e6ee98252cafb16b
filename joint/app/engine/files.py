"""What `joint export` and the programs that run its files agree on."""

FORMAT = "joint-speaker-export/1"
"""Of an exported file's inputs, outputs and metadata; another number is another contract."""
