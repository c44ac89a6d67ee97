"""The routes: each module makes the router of one subject for a gateway's state."""
