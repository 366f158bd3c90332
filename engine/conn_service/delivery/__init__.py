"""Deliver events to endpoints, in order, over days if needed. This is the public interface."""
