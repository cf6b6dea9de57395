"""What carries out the runs of a sweep. Each file has one Executor: this process, local processes, a Dask cluster."""

import os

from rnnkit.sweep.executors.base import Executor, Job
from rnnkit.sweep.executors.dask import DaskCluster
from rnnkit.sweep.executors.in_process import InProcess
from rnnkit.sweep.executors.local import LocalProcesses

__all__ = ["DaskCluster", "Executor", "InProcess", "Job", "LocalProcesses", "default_executor"]


def default_executor() -> Executor:
    """Returns the cluster whose scheduler RNNKIT_SCHEDULER names, else processes of this machine, as many as cores."""
    address = os.environ.get("RNNKIT_SCHEDULER", "")
    return DaskCluster(address) if address else LocalProcesses()
