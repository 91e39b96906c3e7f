"""Trust: signatures, sealing, the keyring and timestamps. Pure of services and of the runtime."""
