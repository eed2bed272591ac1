"""The numbers of training steps, and whether they are right."""
