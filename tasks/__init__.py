"""Heads on the shared speaker encoder: one folder a task, and no task knows another."""
