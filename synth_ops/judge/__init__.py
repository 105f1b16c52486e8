"""The gate on any pair of tables, or of folders of tables, whoever made the copy."""

from synth_ops.judge.judge import Judged, Question, judge

__all__ = ["Judged", "Question", "judge"]
