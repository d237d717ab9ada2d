"""The network split driver, on top of what every paravirtual kernel has."""
