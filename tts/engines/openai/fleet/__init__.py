"""The servers of one model: their list, which may change, the choice of one for a request, and those that are down."""
