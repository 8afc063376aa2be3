"""Commands of `vms` that are longer than a call of something else, a file each."""
