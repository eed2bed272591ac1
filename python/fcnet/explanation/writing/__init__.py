"""Steps of gradient descent as words and formulas: text, LaTeX, MathML."""
