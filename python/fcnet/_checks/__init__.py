"""Checks of arguments, and parts of error messages."""
