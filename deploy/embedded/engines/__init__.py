"""How each process of the embedded platform is started, and how one knows that it works."""
