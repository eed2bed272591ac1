"""What a network consists of: its architecture and its layers."""
