"""The bundled networks and the one way to run them (`kuleshov.models.runtime`)."""

from kuleshov.models.runtime import ModelRecord, Network, Precision, bundled, load

__all__ = ["ModelRecord", "Network", "Precision", "bundled", "load"]
