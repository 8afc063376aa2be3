"""The longer commands of `vms`, one per file."""
