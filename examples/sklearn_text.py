"""Classify texts by topic: TF-IDF of words and word pairs as a sparse matrix, and a network.

python examples/sklearn_text.py [sklearn]     (with scikit-learn's own network, for comparison)

Only the import line differs between the two.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

if "sklearn" in sys.argv[1:]:
    from sklearn.neural_network import MLPClassifier
else:
    from fcnet.sklearn import MLPClassifier

TOPICS = {
    "space": "orbit launch rocket moon probe shuttle satellite planet crew telescope",
    "cooking": "flour oven butter garlic simmer recipe onion sauce pepper knead",
    "football": "goal keeper striker league penalty midfield coach referee match corner",
    "music": "chord guitar melody concert drummer album verse harmony violin rhythm",
    "money": "bank loan interest market shares inflation bond budget tax profit",
}
COMMON = "the a of and to in it is that was for on with as at by from they we you"


def texts(n: int) -> tuple[list[str], list[str]]:
    """Texts of common words, words of their topic and words of other topics; and the names of the topics."""
    rng = np.random.default_rng(0)
    vocabulary = {topic: words.split() for topic, words in TOPICS.items()}
    everything = [word for words in vocabulary.values() for word in words]
    topics = rng.choice(list(TOPICS), n)
    rows = []
    for topic in topics:
        own, others = rng.choice(vocabulary[topic], 4), rng.choice(everything, 6)
        rows.append(" ".join(rng.permutation([*own, *others, *rng.choice(COMMON.split(), 30)])))
    return rows, list(topics)


def main() -> None:
    """Train and test."""
    x, y = texts(4000)
    x, x_test, y, y_test = train_test_split(x, y, random_state=0)
    net = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), max_features=1000, dtype=np.float32),
        MLPClassifier(hidden_layer_sizes=(50,), early_stopping=True, random_state=0),
    )
    start = time.perf_counter()
    net.fit(x, y)
    seconds = time.perf_counter() - start
    print(f"{len(net[0].vocabulary_):,} words and pairs, {net[-1].n_iter_} epochs")
    print(f"test accuracy {net.score(x_test, y_test):.3f}, fitted in {seconds:.2f} s")
    print(net.predict(["the rocket and the moon", "simmer the onion in butter"]))


if __name__ == "__main__":
    main()
