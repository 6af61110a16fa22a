"""The threads of a worker wait for each other as these variables say, which OpenMP and BLAS read as they are loaded.

A thread that spins is quick to go on and takes its processor from whatever else wants to run, which may be the very thread that
it waits for: beside one other busy process a step of two threads took 13 to 23 times as long. A value that the user sets is
kept.
"""

POLICIES: dict[str, dict[str, str]] = {
    "spinning": {},  # the libraries' own default
    "short": {"GOMP_SPINCOUNT": "1000", "KMP_BLOCKTIME": "0", "OPENBLAS_THREAD_TIMEOUT": "10"},
    "passive": {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0", "KMP_BLOCKTIME": "0", "OPENBLAS_THREAD_TIMEOUT": "4"},
}
POLICY = "passive"
WAITING = POLICIES[POLICY]
