"""Container hosts: Docker engines over every way there is to one, and Portainer servers that stand before several."""
