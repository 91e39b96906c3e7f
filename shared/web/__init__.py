"""What every service's web has alike: the application's frame, access, idempotency, pages. No service is known here."""
