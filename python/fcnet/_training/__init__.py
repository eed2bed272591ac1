"""Fitting: the loop over epochs, and what takes part in it."""
