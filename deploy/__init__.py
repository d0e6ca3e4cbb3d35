"""Everything that touches a machine: the layout of an instance, its users and services, starting and stopping it."""
