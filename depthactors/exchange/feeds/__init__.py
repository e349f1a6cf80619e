"""Where prices come from: an order flow, a recording, a tape; and the true book that each of them makes."""
