"""Jobs: what a vendor prepares while we wait. Settings and what a status means; `runtime` sends the requests."""

from conn_engine.listing.jobs.settings import Download, Job, JobRequest, Outcome, Poll

__all__ = ["Download", "Job", "JobRequest", "Outcome", "Poll"]
