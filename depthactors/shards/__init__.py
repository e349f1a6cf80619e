"""An engine over several processes: a supervisor here, and workers with books, sockets and supervisors of their own."""
