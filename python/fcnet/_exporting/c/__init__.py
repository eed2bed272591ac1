"""Networks as C99."""
