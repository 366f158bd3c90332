"""Provider entries of another platform: where they are, what their templates say, and a vendor's stand-in."""
