"""The header of a method's file as HTML: its formulas, which are indented there, with subscripts and signs, the rest as text.

Nothing is computed: signs that a keyboard lacks are put in, and what `_` and `^` lower and raise is lowered and raised.
"""

import re
from html import escape

STYLE = """<style>
.ldb-formulas p { margin: .5rem 0; font-size: .95rem; line-height: 1.5; max-width: 52rem; }
.ldb-formulas .formula { margin: .35rem 0 .35rem 1.6rem; font-family: "STIX Two Math", "Cambria Math", Georgia,
  serif; font-size: 1.05rem; line-height: 1.7; white-space: pre-wrap; overflow-x: auto; }
.ldb-formulas .formula sub, .ldb-formulas .formula sup { font-size: .72em; line-height: 0; }
</style>"""
_NAMES = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "eta": "η", "theta": "θ", "kappa": "κ",
    "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ", "chi": "χ",
    "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Sigma": "Σ", "Phi": "Φ",
    "Psi": "Ψ", "Omega": "Ω",
    "sqrt": "√", "sum": "∑", "prod": "∏", "grad": "∇", "nabla": "∇", "infinity": "∞",
}  # fmt: skip
_SIGNS = {"||": "‖", "<=": "≤", ">=": "≥", "->": "→", "<-": "←", "!=": "≠", "+-": "±", " * ": " · ", " - ": " − "}
_WORD = re.compile(r"(?<![A-Za-z])(" + "|".join(_NAMES) + r")(?![A-Za-z])")
_SCRIPT = re.compile(r"([_^])(\{[^{}]*\}|\([^()]*\)|-?[A-Za-z0-9*+]+)")
_NAME = re.compile(r"`[^`]*`|(?<![A-Za-z])[A-Za-z]{2,}(?:_[a-z]{2,})+")
_TAGS = {"_": "sub", "^": "sup"}


def html(header: str) -> str:
    """Paragraphs and formulas of a header, in their order. Nothing of the text can be markup."""
    parts: list[str] = []
    block: list[str] = []
    indented = False
    for line in [*header.splitlines(), ""]:
        now = line.startswith("    ") and bool(line.strip())
        if block and (now != indented or not line.strip() or line.startswith("Source:")):
            parts.append(_formula(block) if indented else _paragraph(block))
            block = []
        if line.strip():
            block.append(line)
        indented = now
    return f'<div class="ldb-formulas">{"".join(parts)}</div>'


def _paragraph(lines: list[str]) -> str:
    return f"<p>{_raised(' '.join(lines).replace('||', '‖'))}</p>"


def _code(text: str) -> str:
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", text)


def _formula(lines: list[str]) -> str:
    left = min(len(line) - len(line.lstrip()) for line in lines)
    return f'<div class="formula">{"<br>".join(formula(line[left:]) for line in lines)}</div>'


def formula(text: str) -> str:
    """One line of a formula as HTML. Names of several words, as hyperparameters have, stay as they are."""
    for plain, sign in _SIGNS.items():
        text = text.replace(plain, sign)
    text = _WORD.sub(lambda found: _NAMES[found[1]], text)
    text = re.sub(r"(?<=[A-Za-zα-ω])_hat\b", "\N{COMBINING CIRCUMFLEX ACCENT}", text)
    return _raised(text)


def _raised(text: str) -> str:
    parts, at = [], 0
    for name in _NAME.finditer(text):
        parts += [_scripts(text[at : name.start()]), _code(escape(name[0]))]
        at = name.end()
    return "".join([*parts, _scripts(text[at:])])


def _scripts(text: str) -> str:
    text = escape(text)
    for _ in range(2):  # a script may hold another
        text = _SCRIPT.sub(lambda found: f"<{_TAGS[found[1]]}>{_bare(found[2])}</{_TAGS[found[1]]}>", text)
    return text


def _bare(script: str) -> str:
    return script[1:-1] if script[0] == "{" else script
