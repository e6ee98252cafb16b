"""Phonetic multi-task and adversarial heads, and phone alignments of a corpus."""
