"""What credentials and signatures sign with: private keys, JWTs, OAuth 1. When something is signed is theirs."""
