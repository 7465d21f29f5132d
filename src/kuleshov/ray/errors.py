"""Raise what goes wrong with a cluster."""

from typing import Any

from kuleshov.errors import KuleshovError

__all__ = ["FREE", "ClusterError", "none_came"]

FREE = 300.0  # s that no process of a cluster may be there


class ClusterError(KuleshovError):
    """Raised where a cluster cannot be used, or is gone."""


def none_came(ray: Any) -> ClusterError:
    """Return the error for a cluster that has started no process for `FREE` seconds."""
    free = int(ray.available_resources().get("CPU", 0))
    if free:
        said = (
            f"The cluster has started no process for {FREE:.0f} s, though {free} of its processors "
            f"are free: see its logs, then run the same command again."
        )
    else:
        said = (
            f"No machine of the cluster has had a processor free for {FREE:.0f} s: what is done "
            f"stays, run the same command again once there is one."
        )
    return ClusterError(said)
