"""Recorded webhook deliveries: cases, judgement, recording, replay."""
