"""Tokens on both sides: Fernet tokens and their revocation for services, a keystone session for clients of services."""
