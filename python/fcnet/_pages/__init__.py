"""What fcnet's pages of HTML have in common: their frame, colours and type."""
