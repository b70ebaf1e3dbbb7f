"""Portainer servers, which stand before several engines and pass what is asked of these on."""
