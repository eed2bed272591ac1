"""The programs of docs/examples beside the same loops in PyTorch and Stable-Baselines3's DQN, over five seeds.

``python -m bench.outside`` runs them and writes bench/results/outside.json, which ``python -m bench.report`` shows.
``pip install '.[bench]' gymnasium torch stable-baselines3`` installs what takes part; a library that is not installed
is left out.
"""
