"""Saving and loading networks: files and checkpoints."""
