"""What every service shares: contracts, runtime, trust, web, and small modules with one job each."""
