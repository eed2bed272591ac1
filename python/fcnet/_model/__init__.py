"""The structure of a network: its architecture and layer specifications."""
