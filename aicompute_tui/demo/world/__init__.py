"""A stand-in for AWS on loopback: moto's server, and around it what moto lacks."""
