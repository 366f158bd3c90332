"""Recorded cases: the suite that runs them, goldens, the judgement of results, the recorder, explanations."""
