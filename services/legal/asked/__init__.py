"""The bodies that legal takes, from its API and from its forms alike, each as the one command that it becomes."""
