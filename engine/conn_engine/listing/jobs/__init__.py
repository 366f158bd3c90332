"""Jobs that a vendor runs while we wait: the settings, and what a status means. `runtime` sends the requests."""

from conn_engine.listing.jobs.settings import Download, Job, JobRequest, Outcome, Poll

__all__ = ["Download", "Job", "JobRequest", "Outcome", "Poll"]
