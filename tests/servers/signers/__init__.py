"""The vendors' own libraries as signers and judges of deliveries, in an environment of their own."""
