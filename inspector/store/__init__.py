"""Facts by digest and analyser version, and manifests by digest, kept between runs."""

from inspector.store.sqlite import FactStore, NullStore, Store

__all__ = ["FactStore", "NullStore", "Store"]
