"""Distillation: the shared encoder learns the embeddings of a teacher."""
