"""Small packages that are installed, as far as Python can tell: modules and metadata in a folder that is on the path."""

from benchmark import registry

METADATA = """Summary: Half of everything
Author-email: Ada Example <ada@example.org>, Bo <bo@example.org>
License-Expression: MIT
Project-URL: Code, https://example.org/code
"""
METHOD = '''"""Half of the adjoint.

x = A^H y / 2
"""

import torch

from benchmark import Context, LinearInverse, method

from .parts import FACTOR


@method("half", solves="LinearInverse", kind="classical", paper="", needs=("coils",))
def half(problem: LinearInverse, ctx: Context) -> torch.Tensor:
    return FACTOR * problem.A.H(problem.y)
'''


class Installed:
    """Writes into the folder; what the registry read before is forgotten."""

    def __init__(self, folder):
        self.folder = folder

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        registry.include(())  # forgets

    def distribution(self, name, methods, metadata="", version="1.2"):
        """The metadata of a package that registers modules: name -> module."""
        about = f"{name.replace('-', '_')}-{version}.dist-info"
        lines = [f"{key} = {module}" for key, module in methods.items()]
        self.write(f"{about}/METADATA", f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n{metadata}")
        self.write(f"{about}/entry_points.txt", "\n".join(["[lowdimbench.methods]", *lines, ""]))

    def somebodys(self, metadata=METADATA):
        """A package whose one method imports a module beside it."""
        self.distribution("somebodys-methods", {"half": "somebodys.half"}, metadata)
        self.write("somebodys/__init__.py", "")
        self.write("somebodys/half.py", METHOD)
        self.write("somebodys/parts/__init__.py", "FACTOR = 0.5\n")

    def method(self, name):
        """The text of a method without a docstring of its own."""
        return (
            "from benchmark import method\n\n\n"
            f'@method("{name}", solves="LinearInverse", kind="classical", paper="")\n'
            f"def {name}(problem, ctx):\n    return problem.A.H(problem.y)\n"
        )
