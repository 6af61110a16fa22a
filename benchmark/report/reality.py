"""Whether the instances of a preset come from the world, are rendered, or are drawn by a random generator."""

from benchmark.report.board import Board

RENDERED = frozenset({"head", "motions", "mixture32"})  # pictures and laws of this suite's own making
MEASURED = frozenset({"fastmri", "currents", "ratings", "movielens", "inst_eval"})  # what is given was measured too
TOOLS = frozenset({"minilm", "backbone", "face_reader", "face_reader_card", "prior", "masks", "told", "responsivity"})
_SIMULATED = ("LinearInverse", "NonlinearInverse", "Completion")  # what is given is computed from the truth


def real(board: Board) -> str:
    """A few words: 'real data, simulated measurements'."""
    preset = board.task.presets.get(board.preset, {})
    sources = [name for name in preset.get("data", ()) if name not in TOOLS]
    if not sources:
        return "synthetic data"
    if RENDERED & set(sources):
        return "rendered data"
    given = board.task.poses in _SIMULATED and not MEASURED & set(sources)
    return "real data, simulated measurements" if given else "real data"
