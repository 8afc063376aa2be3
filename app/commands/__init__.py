"""The longer commands of `vms`."""
