"""Speech recognition of one speaker, of several at once, or of an enrolled speaker in a mixture."""
