"""joblib's backends of Dask and Ray: the serial results, no more threads than a worker gets, no hang."""

from __future__ import annotations

import pytest

from interop import library
from processes import output

pytestmark = [pytest.mark.interop, pytest.mark.once]

SERIAL = """
import os, warnings
warnings.simplefilter("ignore")
for name in ("FCNET_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.pop(name, None)  # a worker's are then what the cluster gives it
import joblib, numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
import fcnet as fc
from fcnet.sklearn import MLPClassifier

x, y = load_digits(n_class=4, return_X_y=True)
net = MLPClassifier([64, 64], random_state=0, max_iter=10)
search = GridSearchCV(net, {"alpha": [1e-4, 0.1, 10.0], "solver": ["adam", "lbfgs"]}, cv=2)

def threads_of_a_worker():
    net.fit(x, y)
    return os.getpid() != here, fc.get_num_threads(), os.environ["OMP_NUM_THREADS"]

def compare(backend):
    with joblib.parallel_config(backend=backend, n_jobs=2):
        parallel = search.fit(x, y).cv_results_["mean_test_score"]
        workers = joblib.Parallel()(joblib.delayed(threads_of_a_worker)() for _ in range(4))
    print(np.array_equal(parallel, serial), serial.max() > 0.9, set(workers))

here = os.getpid()
serial = search.fit(x, y).cv_results_["mean_test_score"]  # the pool of threads is up before there are workers
"""
CLUSTERS = {
    "distributed": """
from distributed import Client, LocalCluster
with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster):
    compare("dask")
""",
    "ray": """
import ray
from ray.util.joblib import register_ray
ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
register_ray()
compare("ray")
ray.shutdown()
""",
}


@pytest.mark.parametrize("package", CLUSTERS)
def test_a_grid_search_on_a_cluster_gives_the_serial_results(package):
    library(package)
    assert output(SERIAL + CLUSTERS[package]).splitlines()[-1] == "True True {(True, 1, '1')}"
