"""Run the bundled networks; `kuleshov.models.runtime` is the one way to do so."""

from kuleshov.models.runtime import ModelRecord, Network, Precision, bundled, load

__all__ = ["ModelRecord", "Network", "Precision", "bundled", "load"]
