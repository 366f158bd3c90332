"""Syncs on recorded listings: cases, replay, judgement."""
