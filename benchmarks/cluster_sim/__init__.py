"""A run on many workers in virtual time, with the leases of the package and recorded or stated draws."""
