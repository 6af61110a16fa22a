"""Where kept tensors lie in the folder of artifacts: under their own hash, so that equal ones share a file."""


def path_of(digest: str) -> str:
    """The place in the folder."""
    return f"{digest[:2]}/{digest}.npy"
