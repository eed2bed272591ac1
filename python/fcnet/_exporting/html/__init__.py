"""Networks as pages of HTML to try them."""
