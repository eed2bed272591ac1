"""Steps in words and formulas: text, LaTeX, MathML."""
