"""The visitor management backend."""

from importlib.metadata import version

__version__ = version("vms")
