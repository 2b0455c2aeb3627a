"""What the tests stand on: servers of their own, real clients, and data from packages."""
