"""The portal: the pages of the studio inside a service, for a team.

Documents come from the configuration that the service uses, edits are saved as revisions, and each person has a session
with a role. `routes` puts the parts together, `guard` decides who may ask, and `views` has the pages that only a
service has.
"""
