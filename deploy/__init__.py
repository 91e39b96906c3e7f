"""How recours is run: the command line, the embedded platform, containers, Kubernetes, monitoring."""
