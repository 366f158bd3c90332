"""Recorded exchanges: the file format, matching, replay, recording and HAR."""
