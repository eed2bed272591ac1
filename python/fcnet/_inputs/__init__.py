"""What comes in: arrays, tables, tensors and sparse rows, as features and targets."""
