"""Headless dispatcher of Vestnik: intake, plan, compose, channels, clock. Imports `store` only."""
