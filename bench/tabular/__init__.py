"""Scores and seconds on tables: fcnet.tabular beside gradient-boosted trees and neural networks for tables."""
