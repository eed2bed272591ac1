"""Inputs: arrays, tables, tensors and sparse rows, as features x and targets y."""
